"""What a terminal shows while checks run: the stage, or how far several are, and no warnings or logs."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import warnings
from threading import Lock, Timer
from typing import TYPE_CHECKING

from gradlint.report.outgoing import fitting, message, printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import TextIO

PATIENCE = 1.0
"""Seconds before a stage is shown."""
_FIXED = 48
"""Columns of what stands before the names of running targets."""
_CLEAR = "\r\x1b[K"


def is_terminal(stream: TextIO) -> bool:
    """True when somebody looks at `stream`, on a terminal that knows colours and can clear a line."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def say(*lines: str) -> None:
    """Say something on stderr, where nothing in it can act or end a line."""
    with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
        print(fitting(message(*lines), sys.stderr.encoding), file=sys.stderr)


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


class Fleet:
    """How far the check of several targets is: which run and where they are, how many are done, how long still."""

    def __init__(self, terminal: TextIO, number: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        # A descriptor of its own, as above.
        self._screen = open(os.dup(terminal.fileno()), "w", encoding=terminal.encoding, errors="backslashreplace")  # noqa: SIM115
        self._bar = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(bar_width=12),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(file=self._screen, force_terminal=True),
            transient=True,
            speed_estimate_period=3600.0,  # one model may take minutes
        )
        self._task = self._bar.add_task("starting", total=number)
        self._running: dict[str, str] = {}
        self._lock = Lock()

    def __enter__(self) -> Fleet:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._screen.close()

    def stage(self, name: str, stage: str) -> None:
        """A target is at this stage."""
        with self._lock:
            self._running[name] = stage
            self._show()

    def done(self, name: str) -> None:
        """A target has been checked, or cannot be."""
        with self._lock:
            self._running.pop(name, None)
            self._bar.advance(self._task)
            self._show()

    def _show(self) -> None:
        running = "; ".join(f"{name}: {stage}" for name, stage in self._running.items())
        room = max(shutil.get_terminal_size().columns - _FIXED, 20)
        self._bar.update(self._task, description=printable(running)[:room])
