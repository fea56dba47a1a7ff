"""Folders and drafts that are gone when what they are for is over, whatever ends it.

Only a process that is killed leaves them: what is made for one that may be, its parent makes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, TextIO

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
_made: list[tempfile.TemporaryDirectory[str]] = []
_place: str | None = None


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder that is gone afterwards, whenever a signal comes.

    Raises:
        UsageError: there is no place for it.
    """
    made: tempfile.TemporaryDirectory[str] | None = None
    with ended_when_terminated():
        try:
            with undisturbed():
                made = _folder()
                _made.append(made)
            yield made.name
        finally:
            if made is not None:
                try:
                    _for_good(made.cleanup)
                finally:
                    _made.remove(made)


@contextlib.contextmanager
def draft_beside(file: Path) -> Iterator[tuple[Path, TextIO]]:
    """A file in the same folder, to be put in its place; gone afterwards if it was not, whenever a signal comes.

    Yields:
        its path, and what writes to it.

    Raises:
        OSError: it cannot be made.
    """
    draft: Path | None = None
    with ended_when_terminated():
        try:
            with undisturbed():
                handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
                draft = Path(name)
            with open(handle, "w", encoding="utf-8") as stream:
                yield draft, stream
        finally:
            if draft is not None:
                _for_good(partial(draft.unlink, missing_ok=True))


def _for_good(remove: Callable[[], object]) -> None:
    """Removes what is there, also when a signal comes meanwhile."""
    try:
        remove()
    except BaseException:
        remove()
        raise


def _folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="gradlint-", dir=_place, ignore_cleanup_errors=True)
    except OSError as error:
        raise UsageError(f"no temporary folder can be made: {error.strerror or error}; set TMPDIR to one") from error


def make_folders_in(place: str | None) -> None:
    """Say where folders are made from now on: in one of a parent, which removes it when this process is killed."""
    global _place
    _place = place


def remove_folders() -> None:
    """Removes all that there are; for a process that ends without a further word."""
    for made in list(_made):
        made.cleanup()


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Has signals wait.

    Python answers a signal in the main thread whichever thread the system has told of it: to block them there, as
    `pthread_sigmask` does, keeps none back as soon as there are other threads.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
    try:
        for number, handler in handlers.items():
            if handler is not None:  # else not of Python, which could not put it back
                signal.signal(number, lambda number, _: came.append(number))
        yield
    finally:
        _put_back({number: handler for number, handler in handlers.items() if handler is not None})
        for number in came:
            signal.raise_signal(number)


def _put_back(handlers: dict[int, Callable[[int, FrameType | None], Any] | int]) -> None:
    """Sets them all, though one of them is called and raises meanwhile."""
    try:
        for number in list(handlers):
            signal.signal(number, handlers[number])
            del handlers[number]
    except BaseException:
        _put_back(handlers)
        raise


class _Terminated(BaseException):
    """A signal to end; an exception, so that children and their folders are gone before the process is."""


@contextlib.contextmanager
def ended_when_terminated() -> Iterator[None]:
    """Has SIGTERM and SIGHUP unwind what is inside before they end this process."""
    is_main = threading.current_thread() is threading.main_thread()
    ours = [number for number in _ENDING if is_main and signal.getsignal(number) is signal.SIG_DFL]

    came: list[int] = []

    def terminate(number: int, frame: object) -> None:
        for each in ours:
            signal.signal(each, lambda *_: None)  # a second one shall not interrupt the unwinding; SIG_IGN is inherited
        came.append(number)
        raise _Terminated

    for number in ours:
        signal.signal(number, terminate)
    try:
        yield
    except BaseException:  # what unwinds may fail at what was half done: a thread that never began cannot be joined
        if not came:
            raise
        remove_folders()  # of those who were interrupted before they could say that they have one
        signal.signal(came[0], signal.SIG_DFL)
        os.kill(os.getpid(), came[0])
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
