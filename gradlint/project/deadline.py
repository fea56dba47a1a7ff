"""An end for a check that takes too long, in this process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from gradlint.load.limits import seconds_text
from gradlint.load.temporary import remove_folders
from gradlint.report.outgoing import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRACE = 5.0
"""Seconds after which a process that does not even let the timer run is ended by the system."""


def timeout_message(timeout: float, stage: str) -> str:
    """What is said when the time is up."""
    return f"the check took more than {seconds_text(timeout)} and was ended while {stage}; raise --timeout."


@contextlib.contextmanager
def deadline(timeout: float, stage: Callable[[], str]) -> Iterator[None]:
    """Ends this process with 2 when its time is up.

    Native code that never lets Python run again is ended by the system some seconds later, by SIGALRM and
    without a message; only a child process can be ended properly whatever it does.

    Args:
        timeout: seconds.
        stage: gives what is going on.
    """
    # A descriptor of its own: the loader turns that of stderr away while TensorFlow is imported.
    screen = -1
    with contextlib.suppress(OSError, ValueError, AttributeError):
        screen = os.dup(sys.stderr.fileno())

    def end() -> None:
        with contextlib.suppress(OSError):
            os.write(screen, f"gradlint: {printable(timeout_message(timeout, stage()))}\n".encode("utf-8", "replace"))
        remove_folders()
        os._exit(2)

    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    alarm = (
        hasattr(signal, "setitimer")
        and threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        and signal.getitimer(signal.ITIMER_REAL)[0] == 0
    )
    if alarm:
        signal.setitimer(signal.ITIMER_REAL, timeout + GRACE)
    try:
        yield
    finally:
        timer.cancel()
        if alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        with contextlib.suppress(OSError):
            os.close(screen)
