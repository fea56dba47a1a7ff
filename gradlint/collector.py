"""Python's collector of circles: it costs time, and finds nothing, where none are left behind."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def settle() -> None:
    """Take what is there by now for old, so that a look at what is young does not pass through it.

    The collector would take it for old after two looks. What somebody has frozen stays frozen.
    """
    if not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector, for what leaves no circles."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
