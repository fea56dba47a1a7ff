"""Variables most elements of which lose their gradient: what passes around a cut reaches a few of them alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.cuts import Cut
from gradlint.record.terms import Local, is_float
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.record.recording import VariableRecord

Elements = Callable[[Collection[int], str, int], "tuple[int, int] | None"]
"""`elements(positions, path, tensor)`: of how many elements of a variable there is a gradient, and of how many there is
one when it is let through some operations; None where the loss does not move with the elements that have none."""

_DEAF = (Local.NONE, Local.UNREGISTERED)
_FEW, _MOST = 0.25, 0.5
"""Shares of the elements: of one scale, the largest weight alone has a gradient; straight through, all have one."""


def starved(flow: Flow, elements: Elements) -> Iterator[Cut]:
    """Where kernels lose the gradient of most elements: weights that are rounded, times a scale taken of them.

    The rounding has to depend on weights alone. A comparison is none: who prunes weights means some of them to rest.
    """
    apart: dict[int, list[VariableRecord]] = {}
    numbers: dict[int, tuple[int, int, int]] = {}
    for variable in flow.learners:
        if variable.tensor is None or variable.gradient.state is not GradientState.FINITE or len(variable.shape) < 2:
            continue
        positions = _cutting(flow, variable.tensor)
        found = elements(positions, variable.path, variable.tensor) if positions else None
        size = math.prod(variable.shape)
        if found is not None and found[0] <= _FEW * size and found[1] >= _MOST * size:
            apart.setdefault(positions[0], []).append(variable)
            before = numbers.get(positions[0], (0, 0, 0))
            numbers[positions[0]] = before[0] + found[0], before[1] + found[1], before[2] + size
    for position, variables in apart.items():
        op = flow.op(position)
        discrete = not any(is_float(flow.tensor(index).dtype) for index in op.outputs)
        local = next((local for local in op.local if local in _DEAF), Local.NONE)
        yield Cut(position, op, (), (), (), tuple(variables), discrete, local, True, elements=numbers[position])


def _cutting(flow: Flow, tensor: int) -> list[int]:
    """The operations that cut a way of a variable alone to the loss, and make numbers, in forward order."""

    def is_of_weights(position: int, operand: int) -> bool:
        return not flow.keys_behind_tensor(flow.op(position).inputs[operand])

    # Where data comes in, the way of weights alone has ended: most kernels end in the first operation.
    numbers = flow.descendants([tensor], is_of_weights) & flow.behind_loss_by_value
    return sorted(
        {
            position
            for index in numbers
            if is_float(flow.tensor(index).dtype) and not flow.keys_behind_tensor(index)
            for position, operand in flow.consumers[index]
            if (op := flow.op(position)).local[operand] in _DEAF
            and not (has(op.type, Trait.STOPS) or has(op.type, Trait.LOCATES))
            and any(output in numbers and flow.tensor(output).dtype != "bool" for output in op.outputs)
        }
    )
