"""Layers of weights that follow one another with nothing non-linear between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.reasons import variable_behind
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.record.recording import OpRecord, VariableRecord


@dataclass(frozen=True, slots=True)
class Stack:
    """Kernels in a row that together are one linear map.

    Attributes:
        positions: of the operations that multiply by them, in forward order.
    """

    kernels: tuple[VariableRecord, ...]
    positions: tuple[int, ...]


def linear_stacks(flow: Flow) -> tuple[Stack, ...]:
    """Chains of trainable kernels without anything non-linear between, where the first is no bottleneck."""
    weights = {position: kernel for position in range(len(flow.recording.ops)) if (kernel := _kernel(flow, position))}
    ends = {output.tensor for output in flow.recording.outputs}
    # What a network hands to another (a generator's image, a code) means something by itself.
    ends |= {tensor for call in flow.recording.calls if call.is_model for tensor in call.outputs}
    follows: dict[int, int] = {}
    for position, kernel in weights.items():
        after = _next_product(flow, position, ends)
        if after is None or after not in weights or weights[after].path == kernel.path:
            continue
        if not _is_factorisation(_Map.of(flow.op(position), kernel), _Map.of(flow.op(after), weights[after])):
            follows[position] = after
    found = []
    for position in sorted(follows.keys() - set(follows.values())):
        chain = [position]
        while chain[-1] in follows:
            chain.append(follows[chain[-1]])
        found.append(Stack(tuple(weights[at] for at in chain), tuple(chain)))
    return tuple(found)


def _kernel(flow: Flow, position: int) -> VariableRecord | None:
    """The trainable kernel by which an operation of the model multiplies what depends on the inputs."""
    op = flow.op(position)
    if not has(op.type, Trait.WEIGHS) or op.region is not Region.MODEL or not flow.keys_behind_tensor(op.inputs[0]):
        return None
    variable = variable_behind(flow, op.inputs[1])
    if variable is None:
        return None
    return variable if variable.path in flow.learning and len(variable.shape) >= 2 else None


def _next_product(flow: Flow, position: int, ends: set[int]) -> int | None:
    """The product with weights that alone takes the result of another, through linear operations only."""
    tensor = flow.op(position).outputs[0]
    while tensor not in ends and len(flow.consumers[tensor]) == 1:
        after, operand = flow.consumers[tensor][0]
        op = flow.op(after)
        if has(op.type, Trait.WEIGHS):
            return after if operand == 0 else None
        others = [index for number, index in enumerate(op.inputs) if number != operand]
        passes = has(op.type, Trait.LINEAR) and operand == 0
        scales = has(op.type, Trait.LINEAR_IN_ONE) and not any(flow.keys_behind_tensor(index) for index in others)
        if not (passes or scales) or op.region is not Region.MODEL:
            return None
        tensor = op.outputs[0]
    return None


@dataclass(frozen=True, slots=True)
class _Map:
    """A linear map, by its channels: those that it takes, those of its last axis, and all that it gives."""

    before: int
    width: int
    after: int
    window: tuple[int, ...]

    @classmethod
    def of(cls, op: OpRecord, kernel: VariableRecord) -> _Map:
        """What an operation does with its kernel."""
        *front, last = kernel.shape
        if not has(op.type, Trait.WINDOWED):
            return cls(math.prod(front), last, last * math.prod(front[:-1]), ())
        return cls(front[-1], last, last, tuple(front[:-1]))


def _is_factorisation(first: _Map, second: _Map) -> bool:
    """Whether one map could not be both: few channels between them limit its rank, other windows its form."""
    windows = {one.window for one in (first, second) if math.prod(one.window) > 1}
    return len(windows) > 1 or first.width < min(first.before, second.after)
