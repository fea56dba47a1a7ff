"""How gradients shrink or grow from the loss towards the input."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.flow import Flow
    from gradlint.record.recording import VariableRecord

# Share of neighbouring steps that must point the same way. In a trend nearly all do; behind one odd layer, or
# with small initial gates, they do not.
AGREEMENT = 0.8


@dataclass(frozen=True, slots=True)
class Trend:
    """A steady change of gradient size with depth.

    Attributes:
        orders: change towards the input, in orders of magnitude; negative when gradients shrink.
        per_layer: the same per kernel, the median over neighbours.
        first: the kernel next to the input; `last` the one next to the loss.
    """

    orders: float
    per_layer: float
    first: VariableRecord
    last: VariableRecord
    variables: tuple[VariableRecord, ...]
    position: int


@dataclass(frozen=True, slots=True)
class _Use:
    """The first product with a kernel, and what arrives there.

    Attributes:
        arriving: decimal logarithm of the root mean square of the gradient at the product's result.
        summed: the same with the positions added up to which the kernel is applied. An average over positions divides
            the gradient by their number, and the kernel's own gradient, a sum over them, takes it back.
        relative: decimal logarithm of the norm of the kernel's gradient over that of the kernel; None when not known.
    """

    position: int
    variable: VariableRecord
    arriving: float
    summed: float
    relative: float | None


def trend(flow: Flow) -> Trend | None:
    """The trend over the trainable kernels in forward order, if there is one.

    Gradients grow when what arrives at each element does, and shrink when the sum over all positions does too: each way
    the smaller of the two changes decides.
    """
    start = flow.recording.start
    weights = {update.path: update.weight for update in start.updates} if start is not None else {}
    uses = [
        use
        for variable in flow.learners
        if len(variable.shape) >= 2 and (use := _first_use(flow, variable, weights.get(variable.path))) is not None
    ]
    uses.sort(key=lambda use: use.position)
    if len(uses) < flow.thresholds.trend_kernels:
        return None
    shrinking = _change([use.summed for use in uses])
    if shrinking < 0 and not _reaches_all(uses, flow.thresholds.vanishing_orders):
        return _trend(uses, [use.summed for use in uses], flow.thresholds.vanishing_orders, shrinks=True)
    return _trend(uses, [use.arriving for use in uses], flow.thresholds.trend_orders, shrinks=False)


def _change(logs: Sequence[float]) -> float:
    """By how many orders the first differ from the last; the medians of the outer quarters, over the whole length."""
    quarter = max(1, len(logs) // 4)
    from statistics import median

    orders = median(logs[:quarter]) - median(logs[-quarter:])
    # Medians of the outer quarters leave out half a quarter at either end.
    return orders * (len(logs) - 1) / max(1, len(logs) - quarter)


def _reaches_all(uses: Sequence[_Use], least: float) -> bool:
    """Whether the first kernels get as much of a gradient for their size as the last, and no tiny one."""
    relative = [use.relative for use in uses if use.relative is not None]
    return len(relative) == len(uses) and _change(relative) > -least / 2 and min(relative) > _TINY


_TINY = -6.0
"""Orders of gradient over weight below which a kernel does not learn: float32 resolves 1.2e-7 of a weight."""


def _trend(uses: Sequence[_Use], logs: Sequence[float], least: float, *, shrinks: bool) -> Trend | None:
    orders = _change(logs)
    if abs(orders) < least or (orders < 0) != shrinks:
        return None
    steps = [earlier - later for earlier, later in itertools.pairwise(logs)]
    same_way = sum((step < 0) == shrinks for step in steps) / len(steps)
    from statistics import median

    per_layer = median(steps)
    if same_way < AGREEMENT or (per_layer < 0) != shrinks or abs(per_layer) * len(steps) < least / 2:
        return None
    sign = -1 if shrinks else 1
    concerned = tuple(use.variable for use, log in zip(uses, logs, strict=True) if sign * (log - logs[-1]) > least / 2)
    return Trend(orders, per_layer, uses[0].variable, uses[-1].variable, concerned, uses[0].position)


def _first_use(flow: Flow, variable: VariableRecord, weight: float | None) -> _Use | None:
    """The operation that multiplies by a kernel, and the size of the gradient that arrives at its result.

    The gradient of the kernel itself also holds the size of the activations, which may shrink as fast as the
    arriving gradient grows.
    """
    tensor = variable.tensor
    for _ in range(6):
        if tensor is None or not flow.consumers[tensor]:
            return None
        position = flow.consumers[tensor][0][0]
        op = flow.op(position)
        if not has(op.type, Trait.MOVES):
            gradient, shape = flow.tensor(op.outputs[0]).gradient, flow.tensor(op.outputs[0]).shape
            if gradient.state is not GradientState.FINITE or not gradient.norm:
                return None
            arriving = math.log10(gradient.norm / math.sqrt(math.prod(shape) or 1))
            positions = max(1.0, math.prod(shape[1:]) / (variable.shape[-1] or 1))
            own = variable.gradient.norm
            relative = math.log10(own / weight) if own and weight else None
            return _Use(position, variable, arriving, arriving + math.log10(positions), relative)
        tensor = op.outputs[0]
    return None
