"""Whether processes that a test has started still run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def is_alive(process: int) -> bool:
    """Whether there is such a process, and its parent does not merely wait to hear of its end."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def eventually(holds: Callable[[], object]) -> bool:
    """Whether something comes true within five minutes, which is long on a machine that is busy."""
    ends = time.monotonic() + 300
    while not (is_true := bool(holds())) and time.monotonic() < ends:
        time.sleep(0.05)
    return is_true
