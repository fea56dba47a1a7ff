"""Inputs of which some slices never receive a gradient."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.memory import has_faded
from gradlint.passes.slicing import leaves_out, slicer_after_joining
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.flow import Flow
    from gradlint.record.recording import InputRecord, OpRecord

# A row of at least this length is a signal rather than a table.
_LONG = 64

# Some four convolutions, with what pads them and what they are followed by.
_MOST_OPERATIONS = 64

# An image has at most so many channels on its last axis.
_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class Unused:
    """Slices of one axis of an input that no gradient reaches in any run.

    Attributes:
        axis: counted with the batch axis as 0.
        slices: indices along the axis.
        length: length of the axis.
        position: the first operation that leaves the slices out, if it is a slicing one.
        is_last_step: a model of one input takes one step of it, before it mixes any or as the last; that is what it was
            written for.
    """

    key: str
    axis: int
    slices: tuple[int, ...]
    length: int
    position: int
    op: OpRecord | None
    is_last_step: bool


def unused_slices(flow: Flow, probes: Sequence[Flow]) -> tuple[Unused, ...]:
    """For each float input with a gradient, the slices that stay without one in the sample and every probe."""
    found = []
    runs = [flow, *(probe for probe in probes if probe.recording.failure is None)]
    for record in flow.float_inputs:
        if record.gradient.state is not GradientState.FINITE or not record.used:
            continue
        for number in range(len(record.used)):
            flags = [_flags(run, record.key, number) for run in runs]
            length = len(record.used[number])
            if any(len(flag) != length for flag in flags):
                continue
            slices = tuple(i for i in range(length) if not any(flag[i] for flag in flags))
            if not slices or len(slices) == length or _is_margin(flow, record, number + 1, slices, length):
                continue
            if number == 0 and has_faded(flow, record.key, slices, length):
                continue  # GL303 says how far back a recurrence reaches.
            position, op = _slicer(flow, record)
            found.append(
                Unused(
                    record.key,
                    number + 1,
                    slices,
                    length,
                    position,
                    op,
                    _is_last_step(flow, record, number + 1, slices, position),
                )
            )
    return tuple(found)


def _is_last_step(flow: Flow, record: InputRecord, axis: int, slices: tuple[int, ...], slicer: int) -> bool:
    if len(flow.recording.inputs) > 1 or len(record.shape) != 3 or axis != 1:
        return False
    kinds = [flow.op(position).type for position in _between(flow, record, slicer)]
    has_windows = any(has(kind, Trait.WINDOWED) for kind in kinds)
    if has_windows and slices == tuple(range(len(slices))):
        return True  # The last step, and what the windows before it see.
    if len(slices) != record.shape[1] - 1:
        return False
    return record.shape[1] - 1 not in slices or not (has_windows or any(has(kind, Trait.JOINS) for kind in kinds))


def _between(flow: Flow, record: InputRecord, slicer: int) -> list[int]:
    """The operations between an input and the one that takes a part of it."""
    if record.tensor is None or slicer < 0:
        return []
    behind = flow.ancestors(flow.op(slicer).inputs) & flow.descendants([record.tensor])
    return sorted({position for tensor in behind for position in flow.producers(tensor)})


def _flags(flow: Flow, key: str, number: int) -> tuple[bool, ...]:
    record = next((r for r in flow.recording.inputs if r.key == key), None)
    if record is None or number >= len(record.used):
        return ()
    return record.used[number]


def _is_margin(flow: Flow, record: InputRecord, axis: int, slices: tuple[int, ...], length: int) -> bool:
    """Whether the slices are what a window with a stride leaves over at the ends of an axis."""
    # Images lose margins on several axes at once, and whole rows behind dead pixels; of channels there are few.
    is_of_channels = axis == len(record.shape) - 1 and length <= _CHANNELS
    if len(record.shape) >= 4 and not is_of_channels:
        return len(slices) < length / 2
    at_ends = all(i < len(slices) or i >= length - len(slices) for i in slices)
    is_sequence = len(record.shape) == 3 and axis == 1
    return at_ends and len(slices) <= flow.thresholds.unused_tail * length and (is_sequence or length >= _LONG)


def _slicer(flow: Flow, record: InputRecord) -> tuple[int, OpRecord | None]:
    """The operation that takes a part of the input, or of what is joined from its parts: `h[:, 0]` of a recurrence."""
    if record.tensor is None:
        return -1, None
    for joiner in sorted({p for tensor in flow.descendants([record.tensor]) for p in flow.producers(tensor)}):
        if (slicer := slicer_after_joining(flow, joiner)) is not None:
            return slicer, flow.op(slicer)
    seen, queue = {record.tensor}, deque([record.tensor])
    for _ in range(_MOST_OPERATIONS):
        if not queue:
            break
        tensor = queue.popleft()
        for position, _operand in flow.consumers[tensor]:
            op = flow.op(position)
            if leaves_out(flow, position):
                return position, op
            for output in op.outputs:
                if output not in seen:
                    seen.add(output)
                    queue.append(output)
    return -1, None
