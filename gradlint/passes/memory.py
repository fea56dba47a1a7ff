"""How far back in time the gradient of a recurrence reaches."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.passes.scale import AGREEMENT
from gradlint.record.terms import Region
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.flow import Flow

# Fewer steps are as well a batch or a few channels that are taken apart, and no memory is too short for them.
_LEAST_STEPS = 16

_FORGOTTEN = 3.0
"""Orders of magnitude after which a step counts as forgotten: a thousandth is left."""

_UNDERFLOW = -25.0
"""Order of magnitude below which a zero next to it is an underflow of float32, whose squares end at 1e-45."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The gradient that reaches the steps of a sequence through a recurrence.

    Attributes:
        layer: path of the layer that takes the sequence apart.
        position: of the operation that does.
        steps: length of the sequence.
        per_step: orders of magnitude by which the gradient falls per step.
        faded: steps whose gradient has become exactly zero on the way.
        grows: the gradient grows on its way back: the steps that are taken first get the most of it.
    """

    layer: str
    position: int
    steps: int
    per_step: float
    faded: tuple[int, ...]
    grows: bool = False

    @property
    def orders(self) -> float:
        """Orders of magnitude from one end of the sequence to the other."""
        return self.per_step * (self.steps - 1)

    @property
    def reach(self) -> float:
        """The number of steps after which a thousandth of the gradient is left."""
        return _FORGOTTEN / self.per_step


def memories(flow: Flow) -> tuple[Memory, ...]:
    """The recurrences through which the gradient fades steadily from one end of a sequence to the other."""
    found = []
    for position, op in enumerate(flow.recording.ops):
        if op.type != "Unpack" or op.region is not Region.MODEL or len(op.outputs) < _LEAST_STEPS:
            continue
        gradients = [flow.tensor(index).gradient for index in op.outputs]
        sizes = [
            math.log10(gradient.norm) if gradient.state is GradientState.FINITE and gradient.norm else None
            for gradient in gradients
        ]
        zeros = [gradient.state is GradientState.ZERO for gradient in gradients]
        memory = _memory(op.layer, position, sizes, zeros)
        if memory is not None:
            found.append(replace(memory, grows=_is_first(flow, op.outputs, largest=_largest(sizes))))
    return tuple(found)


def _memory(layer: str, position: int, sizes: Sequence[float | None], zeros: Sequence[bool]) -> Memory | None:
    """A steady fall, from the last step to the first or the other way round; None when there is none."""
    alive = _longest(sizes)
    logs = [size for size in sizes[alive.start : alive.stop] if size is not None]
    if len(logs) < _LEAST_STEPS:
        return None
    falls = [later - earlier for earlier, later in itertools.pairwise(logs)]
    from statistics import median

    per_step = median(falls)
    if not per_step or sum((fall > 0) == (per_step > 0) for fall in falls) < AGREEMENT * len(falls):
        return None
    before, after = range(alive.start), range(alive.stop, len(sizes))
    faded, other, border = (before, after, logs[0]) if per_step > 0 else (after, before, logs[-1])
    # Where numbers end some steps are zero and their neighbours just not.
    gone = all(zeros[step] or ((size := sizes[step]) is not None and size < _UNDERFLOW) for step in faded)
    if other or not gone or (faded and border > _UNDERFLOW):
        return None
    return Memory(layer, position, len(sizes), abs(per_step), tuple(faded))


def _largest(sizes: Sequence[float | None]) -> int:
    """The step with the largest gradient."""
    return max(range(len(sizes)), key=lambda step: -math.inf if (size := sizes[step]) is None else size)


def _is_first(flow: Flow, steps: Sequence[int], *, largest: int) -> bool:
    """Whether the recurrence takes the end of the sequence with the largest gradient first."""
    ends = [min((reader for reader, _ in flow.consumers[steps[end]]), default=0) for end in (0, -1)]
    return (ends[0] < ends[1]) == (2 * largest < len(steps)) and ends[0] != ends[1]


def _longest(sizes: Sequence[float | None]) -> range:
    """The longest stretch of steps with a gradient."""
    best = range(0)
    start = 0
    for step, size in enumerate([*sizes, None]):
        if size is None:
            best = max(best, range(start, step), key=len)
            start = step + 1
    return best


def has_faded(flow: Flow, key: str, steps: Sequence[int], length: int) -> bool:
    """Whether steps of an input have no gradient because it faded on its way through a recurrence."""
    return any(
        memory.steps == length and key in flow.keys_behind(memory.position) and set(steps) <= set(memory.faded)
        for memory in memories(flow)
    )
