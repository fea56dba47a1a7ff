"""Which operations of a run read what, and which of them run for inference alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import Trait, has

if TYPE_CHECKING:
    from gradlint.record.trace import Trace


def readers_of(trace: Trace) -> dict[int, list[int]]:
    """By tensor index, the positions of the operations that take its value."""
    found: dict[int, list[int]] = {}
    for position, op in enumerate(trace.ops):
        if not has(op.type, Trait.ASSIGNS) and not has(op.type, Trait.READS_SHAPE):
            for index in op.inputs:
                found.setdefault(index, []).append(position)
    return found


def is_inference(trace: Trace, position: int) -> bool:
    """Whether an operation runs in a part of the model that was called with `training=False`."""
    return any(call.is_inference and call.first <= position < call.last for call in trace.calls.all)
