"""How gradients shrink or grow from the loss towards the input."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.result import GradientState

if TYPE_CHECKING:
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


def trend(flow: Flow) -> Trend | None:
    """The trend over the trainable kernels in forward order, if there is one."""
    least = flow.thresholds.trend_orders
    kernels = []
    for variable in flow.learners:
        if len(variable.shape) < 2 or variable.tensor is None:
            continue
        use = _first_use(flow, variable.tensor)
        if use is not None:
            kernels.append((use[0], variable, use[1]))
    kernels.sort(key=lambda item: item[0])
    if len(kernels) < flow.thresholds.trend_kernels:
        return None
    logs = [value for _, _, value in kernels]
    steps = [earlier - later for earlier, later in itertools.pairwise(logs)]
    quarter = max(1, len(logs) // 4)
    orders = median(logs[:quarter]) - median(logs[-quarter:])
    # Medians of the outer quarters leave out half a quarter at either end.
    orders *= (len(logs) - 1) / max(1, len(logs) - quarter)
    if abs(orders) < least:
        return None
    same_way = sum((step < 0) == (orders < 0) for step in steps) / len(steps)
    per_layer = median(steps)
    if same_way < AGREEMENT or (per_layer < 0) != (orders < 0) or abs(per_layer) * len(steps) < least / 2:
        return None
    shrinking = [variable for _, variable, value in kernels if value < logs[-1] - least / 2]
    growing = [variable for _, variable, value in kernels if value > logs[-1] + least / 2]
    return Trend(
        orders,
        per_layer,
        kernels[0][1],
        kernels[-1][1],
        tuple(shrinking if orders < 0 else growing),
        kernels[0][0],
    )


def _first_use(flow: Flow, kernel: int) -> tuple[int, float] | None:
    """The operation that multiplies by a kernel, and the size of the gradient that arrives at its result.

    The gradient of the kernel itself also holds the size of the activations, which may shrink as fast as the
    arriving gradient grows. The size is the decimal logarithm of the root mean square.
    """
    tensor = kernel
    for _ in range(6):
        if not flow.consumers[tensor]:
            return None
        position = flow.consumers[tensor][0][0]
        op = flow.op(position)
        if not has(op.type, Trait.MOVES):
            gradient = flow.tensor(op.outputs[0]).gradient
            if gradient.state is not GradientState.FINITE or not gradient.norm:
                return None
            return position, math.log10(gradient.norm / math.sqrt(math.prod(flow.tensor(op.outputs[0]).shape) or 1))
        tensor = op.outputs[0]
    return None
