"""What a terminal shows while a check runs: the stage, when it takes long, and no warnings or logs."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import warnings
from threading import Lock, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import TextIO

PATIENCE = 1.0
"""Seconds before a stage is shown."""
_CLEAR = "\r\x1b[K"


def is_terminal(stream: TextIO) -> bool:
    """True when somebody looks at `stream`, on a terminal that knows colours and can clear a line."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drop Python's warnings, and what is logged below errors."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


class Progress:
    """Call it with the name of each stage; used as a context, it clears its line at the end."""

    def __init__(self, terminal: TextIO) -> None:
        # A descriptor of its own: the loader turns that of stderr away while TensorFlow is imported.
        self._screen = open(os.dup(terminal.fileno()), "w", errors="backslashreplace")  # noqa: SIM115
        self._stage = ""
        self._visible = False
        self._lock = Lock()
        self._timer = Timer(PATIENCE, self._appear)
        self._timer.daemon = True

    def __enter__(self) -> Progress:
        self._timer.start()
        return self

    def __call__(self, stage: str) -> None:
        with self._lock:
            self._stage = stage
            self._draw()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._stage = ""
            self._draw()
            self._visible = False
            self._screen.close()

    def _appear(self) -> None:
        with self._lock:
            if not self._screen.closed:
                self._visible = True
                self._draw()

    def _draw(self) -> None:
        if self._visible:
            room = max(shutil.get_terminal_size().columns - 5, 10)
            line = f"{self._stage[:room]} ..." if self._stage else ""
            self._screen.write(_CLEAR + line)
            self._screen.flush()
