"""The backward pass of a run: the gradient of everything that inputs and variables lead to, reduced as it comes by.

To ask the tape for all of it keeps all of it, which is as much memory again as the forward pass and the weights take.
What arrives at an operation on its way is the same tensor, and is let go as soon as the operation has handed it on.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from gradlint.operations import Trait, has
from gradlint.record import reduction
from gradlint.record.recording import ABSENT, PRESENT, Gradient
from gradlint.record.terms import is_float
from gradlint.result import GradientState
from gradlint.upstream import backprop, eager

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gradlint.record.ledger import Op
    from gradlint.record.run import Run
    from gradlint.record.trace import Trace

_UNCLEAR = (GradientState.ZERO, GradientState.NONFINITE)
"""Where a gradient is so, the operations around it are asked with what has arrived at them."""
_ROOM = 1 << 25
"""Bytes that the gradients which have come by may keep: to ask for them again takes a backward pass."""


def gradient_in(run: Run, slope: Any | None, *, counted: bool = False) -> Gradient:
    """A gradient of a run, reduced; of one on symbols, whether there is one."""
    if run.is_symbolic:
        return ABSENT if slope is None else PRESENT
    return reduction.gradient_of(slope, counted=counted)


def slopes_of(
    run: Run, tape: Any, loss: Any, indices: Sequence[int], *, of_variables: bool
) -> tuple[Mapping[int, Any], Mapping[int, Gradient]]:
    """The gradients of a loss by tensor index, and the same reduced.

    Args:
        run: has run the model forward.
        tape: has followed it.
        loss: what is differentiated.
        indices: the tensors that are asked about.
        of_variables: whether somebody needs the gradients of the variables themselves.

    Returns:
        The gradients, of all where one of them is zero or not finite, else of inputs, of variables if they are needed,
        and of what does not come by; and of all, reduced.
    """
    trace = run.trace
    passed = {} if run.is_symbolic else _passed(trace)
    reduced: dict[int, Gradient] = {}

    by_itself = set(passed.values())
    read = {} if of_variables else _read_once(run, by_itself)
    ends = set(read.values())  # else the tape keeps what has arrived at the variables until all have theirs
    seen = _Seen(_ROOM)

    def passing(attributes: tuple[Any, ...], arriving: Sequence[Any]) -> bool:
        index = passed.get(id(attributes))
        if index is not None:
            reduced[index] = reduction.gradient_of(arriving[0])
            seen.keep(index, arriving[0])
        return index not in ends

    kept = [index for index in indices if index not in by_itself and index not in read]
    found = backprop.gradients(tape, loss, [trace.tensors[index] for index in kept], passing=passing)
    slopes: Mapping[int, Any] = dict(zip(kept, found, strict=True))
    reduced |= {index: gradient_in(run, slope) for index, slope in slopes.items()}
    reduced |= {index: reduced[value] for index, value in read.items() if value in reduced}
    missing = by_itself.difference(reduced).intersection(indices)
    # What leads to the loss and has not come by has no gradient, or has one in a way of its own: the tape knows.
    is_unclear = any(each.state in _UNCLEAR for each in reduced.values())
    is_asked = bool(missing) and not missing.isdisjoint(_before(trace, loss))
    if is_unclear and not is_asked and seen.slopes is not None:
        came = seen.slopes | dict(slopes)
        came |= {index: came[value] for index, value in read.items() if value in came}
        slopes = {index: came.get(index) for index in indices}
    elif is_unclear or is_asked:
        found, slopes = [], {}  # memory that the next question needs
        found = backprop.gradients(tape, loss, [trace.tensors[index] for index in indices])
        slopes = dict(zip(indices, found, strict=True))
        reduced = {index: gradient_in(run, slope) for index, slope in slopes.items()}
    return slopes, {index: reduced.get(index, ABSENT) for index in indices}


class _Seen:
    """The gradients that have come by, by tensor index; None when they are larger than there is room for."""

    def __init__(self, room: int) -> None:
        self.slopes: dict[int, Any] | None = {}
        self._room = room

    def keep(self, index: int, slope: Any) -> None:
        if self.slopes is None:
            return
        self._room -= eager.bytes_of(getattr(slope, "values", slope)) if slope is not None else 0
        self.slopes[index] = slope
        if self._room < 0:
            self.slopes = None


def _passed(trace: Trace) -> dict[int, int]:
    """The tensors whose gradient comes by, by the identity of the attributes of the operation that made each.

    A tape keeps the very tuple of attributes that the recorder was shown, and shows it to the gradient function. Of
    several results it has zeros where nothing has arrived.
    """
    times = Counter(id(op.attributes) for op in trace.ops)
    return {
        id(op.attributes): op.outputs[0]
        for op in trace.ops
        if len(op.outputs) == 1
        and not (op.is_pseudo or has(op.type, Trait.STOPS))
        and op.enclosed is None
        and times[id(op.attributes)] == 1
        and (made := trace.tensors[op.outputs[0]]) is not None
        and is_float(made.dtype.name)  # what arrives at a list of tensors is no number
    }


def _read_once(run: Run, by_itself: Collection[int]) -> dict[int, int]:
    """By index of a variable, its value, where that is read once and nothing else: the two have one gradient.

    Not of a variable whose units have equal values: whether their gradients differ, its own must tell.
    """
    trace = run.trace
    readers: dict[int, list[Op]] = {}
    for op in trace.ops:
        for index in set(op.inputs):
            readers.setdefault(index, []).append(op)
    found: dict[int, int] = {}
    for variable in run.learning():
        versions = trace.versions(run.handle(variable))
        ops = readers.get(versions[0], [])
        if len(versions) > 1 or len(ops) != 1 or ops[0].type != "ReadVariableOp" or ops[0].outputs[0] not in by_itself:
            continue
        if not reduction.has_equal_units(trace.tensors[ops[0].outputs[0]]):
            found[versions[0]] = ops[0].outputs[0]
    return found


def _before(trace: Trace, loss: Any) -> set[int]:
    """The tensors that lead to the loss."""
    found = {trace.index(loss)}
    for op in reversed(trace.ops):
        if not has(op.type, Trait.READS_SHAPE) and not found.isdisjoint(op.outputs):
            found.update(op.inputs)
    return found
