"""Gradients that are nothing but rounding: what comes back on several ways cancels out, up to the last digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.blocks import Block
from gradlint.passes.reasons import Why, variable_behind
from gradlint.record.terms import Region
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.record.recording import VariableRecord

Rounding = Callable[[], frozenset[int]]
"""The tensors of a run whose gradient is rounding alone: on the sample, and on random data with other weights."""

_TINY = 1e-5
"""Share of the largest gradient below which a kernel's is tried: float32 rounds off a hundredth of this."""


def rounded(flow: Flow, rounding: Rounding) -> Iterator[Block]:
    """Where the gradients of kernels end up as rounding: in a difference, or a quotient, of what is always the same.

    Kernels alone propose it: of a bias it is mathematics, as before a normalization or among the keys of attention.
    """
    suspects = _tiny_kernels(flow)
    noise = rounding() if suspects else frozenset()
    lost = [variable for variable in suspects if variable.tensor in noise]
    apart: dict[int, list[VariableRecord]] = {}
    for variable in lost:
        position = _meeting(flow, variable, noise)
        if position is not None:
            apart.setdefault(position, []).append(variable)
    for position, kernels in apart.items():
        layers = {kernel.layer for kernel in kernels}
        variables = tuple(v for v in flow.learners if v.tensor in noise and (v in kernels or v.layer in layers))
        op = flow.op(position)
        in_loss = op.region is Region.LOSS
        nothing = None, None, None, None
        yield Block(position, op, Why.ROUNDING, (), variables, (), in_loss, 0.0, *nothing, 0, False, is_tested=True)


def _tiny_kernels(flow: Flow) -> list[VariableRecord]:
    if any(tensor.dtype in ("float16", "bfloat16") for tensor in flow.recording.tensors):
        return []  # There rounding is no sign of anything.
    finite = [v for v in flow.learners if v.gradient.state is GradientState.FINITE and v.gradient.largest]
    most = max((v.gradient.largest or 0.0 for v in finite), default=0.0)
    tiny = [v for v in finite if len(v.shape) > 1 and (v.gradient.largest or 0.0) < _TINY * most]
    kernels = {
        variable.path
        for op in (flow.recording.ops if tiny else ())
        if has(op.type, Trait.MULTIPLIES) and not has(op.type, Trait.ELEMENT_BY_ELEMENT)
        for index in op.inputs
        if (variable := variable_behind(flow, index)) is not None
    }
    return [variable for variable in tiny if variable.path in kernels]


def _meeting(flow: Flow, variable: VariableRecord, noise: frozenset[int]) -> int | None:
    """The first operation in which the ways of a gradient come together that leave nothing of it but rounding."""
    if variable.tensor is None:
        return None
    behind = flow.descendants([variable.tensor], lambda position, _: not noise.isdisjoint(flow.op(position).outputs))
    found: list[int] = []
    for index in behind & noise:
        alive = [
            position
            for position, _ in flow.consumers[index]
            if any(
                flow.state(output) is GradientState.FINITE and output not in noise
                for output in flow.op(position).outputs
            )
        ]
        ways = [flow.descendants(flow.op(position).outputs) for position in alive]
        common = frozenset.intersection(*ways) if ways else frozenset()
        made = [position for tensor in common for position in flow.producers(tensor)]
        found += [min(made)] if made else alive[:1]
    return max(found, default=None)
