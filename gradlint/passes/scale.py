"""How gradients shrink or grow from the loss towards the input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from gradlint.flow import Flow
from gradlint.record.recording import VariableRecord
from gradlint.result import GradientState

# A trend needs enough kernels to be one; below this a single odd layer would decide.
FEWEST_KERNELS = 8

# Orders of magnitude between the kernels next to the loss and those next to the input. Adam's epsilon (1e-7 in
# Keras) swamps a gradient that is seven orders smaller than a usual one.
ORDERS = 6.0

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
    """The trend over the trainable kernels in forward order, if there is one of `ORDERS` or more."""
    kernels = []
    for variable in flow.learners:
        usable = variable.gradient.state is GradientState.FINITE and len(variable.shape) >= 2
        if usable and variable.tensor is not None and flow.consumers[variable.tensor]:
            size = math.prod(variable.shape)
            kernels.append((flow.consumers[variable.tensor][0][0], variable, _log(variable, size)))
    kernels.sort(key=lambda item: item[0])
    if len(kernels) < FEWEST_KERNELS:
        return None
    logs = [value for _, _, value in kernels]
    steps = [earlier - later for earlier, later in zip(logs, logs[1:], strict=False)]
    quarter = max(1, len(logs) // 4)
    orders = median(logs[:quarter]) - median(logs[-quarter:])
    # Medians of the outer quarters leave out half a quarter at either end.
    orders *= (len(logs) - 1) / max(1, len(logs) - quarter)
    if abs(orders) < ORDERS:
        return None
    same_way = sum((step < 0) == (orders < 0) for step in steps) / len(steps)
    per_layer = median(steps)
    if same_way < AGREEMENT or (per_layer < 0) != (orders < 0) or abs(per_layer) * len(steps) < ORDERS / 2:
        return None
    shrinking = [variable for _, variable, value in kernels if value < logs[-1] - ORDERS / 2]
    growing = [variable for _, variable, value in kernels if value > logs[-1] + ORDERS / 2]
    return Trend(
        orders,
        per_layer,
        kernels[0][1],
        kernels[-1][1],
        tuple(shrinking if orders < 0 else growing),
        kernels[0][0],
    )


def _log(variable: VariableRecord, size: int) -> float:
    """Decimal logarithm of the root mean square of the gradient."""
    norm = variable.gradient.norm or 0.0
    return math.log10(max(norm, 1e-300) / math.sqrt(size))
