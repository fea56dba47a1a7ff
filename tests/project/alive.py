"""Whether processes that a test has started still run."""

from __future__ import annotations

from pathlib import Path


def is_alive(process: int) -> bool:
    """Whether there is such a process, and its parent does not merely wait to hear of its end."""
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"
