"""A folder of ours for a while."""

from __future__ import annotations

import contextlib
import signal
import tempfile
from typing import TYPE_CHECKING

from gradlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder that is gone afterwards, whenever a signal comes.

    Raises:
        UsageError: there is no place for it.
    """
    made: tempfile.TemporaryDirectory[str] | None = None
    try:
        with _undisturbed():
            made = tempfile.TemporaryDirectory(prefix="gradlint-", ignore_cleanup_errors=True)
        yield made.name
    except OSError as error:
        if made is not None:
            raise
        raise UsageError(f"no temporary folder can be made: {error.strerror or error}; set TMPDIR to one") from error
    finally:
        if made is not None:
            try:
                made.cleanup()
            except BaseException:  # a signal came while it was removed
                made.cleanup()
                raise


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Has signals wait."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
