"""Gradients that meet and cancel out: the difference that brings them about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.passes.blocks import with_victims
from gradlint.passes.reasons import Why
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block


def at_their_difference(flow: Flow, found: Sequence[Block]) -> Iterator[Block]:
    """The blocks; those whose victims lead to one operation in several ways that cancel out as one, at that operation.

    A difference of what the same weights give twice stops the gradient of each of them, wherever they are.
    """
    apart: dict[int, list[Block]] = {}
    for block in found:
        position = _difference(flow, block) if block.why in (Why.OTHER, Why.CANCELLATION) else None
        if position is None:
            yield block
        else:
            apart.setdefault(position, []).append(block)
    for position, blocks in apart.items():
        yield replace(with_victims(blocks), position=position, op=flow.op(position), why=Why.CANCELLATION)


def _difference(flow: Flow, block: Block) -> int | None:
    """The first operation at which the living ways from a tensor without a gradient come together again."""
    for index in block.op.inputs:
        alive = [
            set(flow.op(position).outputs)
            for position, _ in flow.consumers[index]
            if any(flow.state(output) is GradientState.FINITE for output in flow.op(position).outputs)
        ]
        if flow.state(index) is not GradientState.ZERO or len(alive) < 2:
            continue
        ways = [flow.descendants(outputs) for outputs in alive]
        common = set.intersection(*map(set, ways))
        made = [position for tensor in common for position in flow.producers(tensor)]
        if made:
            return min(made)
    return None
