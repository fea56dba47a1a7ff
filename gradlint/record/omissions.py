"""What the model's own `train_step` does not train, although it is trainable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradlint.operations import Trait, has
from gradlint.record import source
from gradlint.record.recording import LeftOut, Omission
from gradlint.record.step_record import Frame, beside
from gradlint.record.tapes import Asked
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.record.step_record import Frames
    from gradlint.record.trace import Trace


def left_out(trace: Trace, model: Any, handles: Sequence[Any]) -> dict[int, LeftOut]:
    """Those of some trainable variables to which no tape of the step gave a gradient that it was asked for.

    What no operation reads is not among them, unless another step may train it: that it is lost has other reasons.

    Args:
        trace: of the step.
        model: whose `train_step` ran.
        handles: of the variables.
    """
    pending = [(handle, trace.tapes.asked.get(eager.tensor_id(handle), Asked())) for handle in handles]
    pending = [(handle, asked) for handle, asked in pending if not asked.is_given]
    if not pending:
        return {}
    in_turns = source.trains_in_turns(type(model), "train_step")
    readers = readers_of(trace)
    found: dict[int, LeftOut] = {}
    for handle, asked in pending:
        reads = [position for index in trace.versions(handle) for position in readers.get(index, ())]
        if not reads:
            if in_turns and not asked.is_asked:
                found[eager.tensor_id(handle)] = LeftOut(Omission.RESTING)
            continue
        seen = asked.frames[0] if asked.frames else None
        if _is_assigned(trace, handle):
            omission = Omission.RESTING
        elif asked.is_asked:
            before = _before_tape(trace, reads[0], asked.frames)
            omission = Omission.UNSEEN if before is None else Omission.UNRECORDED
            seen = before or seen
        elif asked.is_in_reach and not all(is_inference(trace, read) for read in reads):
            omission = Omission.UNASKED
        else:
            omission = Omission.RESTING
        found[eager.tensor_id(handle)] = LeftOut(
            omission, in_turns, seen.file if seen is not None else None, seen.line if seen is not None else None
        )
    return found


def _before_tape(trace: Trace, position: int, asked: Frames) -> Frame | None:
    """Where the function that asks a tape, or one that calls it, runs an operation that the tape has not seen."""
    op = trace.ops[position]
    call = next((call for call in trace.calls.all if call.first <= position < call.last), None)
    if call is None:
        is_near = bool(asked) and op.file == asked[0].file and asked[0].function <= (op.line or 0) <= asked[0].line
        return Frame(op.file, op.line, asked[0].function) if is_near and op.file and op.line else None
    return beside(call.frames, asked)


def readers_of(trace: Trace) -> dict[int, list[int]]:
    """By tensor index, the positions of the operations that take its value."""
    found: dict[int, list[int]] = {}
    for position, op in enumerate(trace.ops):
        if not has(op.type, Trait.ASSIGNS) and not has(op.type, Trait.READS_SHAPE):
            for index in op.inputs:
                found.setdefault(index, []).append(position)
    return found


def _is_assigned(trace: Trace, handle: Any) -> bool:
    """Whether the step itself gives a variable new values; its first ones do not count."""
    first, *later = trace.versions(handle)
    is_new = trace.producers[first] is not None
    return len(later) > is_new


def is_inference(trace: Trace, position: int) -> bool:
    """Whether an operation runs in a part of the model that was called with `training=False`."""
    return any(call.is_inference and call.first <= position < call.last for call in trace.calls.all)
