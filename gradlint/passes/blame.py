"""Blame: zeros are put down to the sample, to an operation that makes zeros of all data, or to the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.blocks import with_victims
from gradlint.passes.otherdata import DEPENDS_ON_DATA
from gradlint.passes.reasons import Why, variable_behind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.passes.otherdata import Neutral, OtherData


def blamed(flow: Flow, found: Sequence[Block], neutral: Neutral) -> Iterator[Block]:
    """The blocks, each with what other data made of it: its victims live on them, or do not.

    A block some of whose victims live is told apart from what stays dead. What stays dead because one operation
    makes zeros of all data is one block, at that operation; or it belongs to the block that its layer has by form.

    Args:
        flow: the sample's own run.
        found: its blocks.
        neutral: the experiment; it is asked for no more than decides.
    """
    waiting = [block for block in found if block.why in DEPENDS_ON_DATA]
    by_form = [block for block in found if block.why not in DEPENDS_ON_DATA]
    zeroed: dict[int, int] = {}
    trials = neutral([block.position for block in waiting]) if waiting else iter(())
    is_tested = False
    while waiting and (other := next(trials, None)) is not None:
        parts = [_split(block, other) for block in waiting]
        yield from (alive for alive, _ in parts if alive is not None)
        waiting = [dead for _, dead in parts if dead is not None]
        zeroed |= other.zeroed
        is_tested = True
    by_maker: dict[tuple[str, str, int], list[Block]] = {}
    for block in waiting:
        place = zeroed.get(block.position, block.position)
        place = block.position if _is_by_weight(flow, place) else place
        op = flow.op(place)
        # A rectifier that makes zeros is a block of its own, wherever its layer is called.
        key = (op.layer, op.type, -1) if place == block.position or has(op.type, Trait.RECTIFIES) else ("", "", place)
        by_maker.setdefault(key, []).append(block)
    for (_, _, place), blocks in by_maker.items():
        if place < 0:
            yield replace(_joined(blocks), is_tested=is_tested)
        elif (index := _at_work_in(flow.op(place).layer, by_form)) is not None:
            by_form[index] = with_victims([by_form[index], *blocks])
        else:
            yield _at_its_maker(flow, place, blocks)
    yield from by_form


def _at_work_in(layer: str, blocks: Sequence[Block]) -> int | None:
    """Which of the blocks lies in a layer."""
    return next((index for index, block in enumerate(blocks) if layer and block.op.layer == layer), None)


def _split(block: Block, other: OtherData) -> tuple[Block | None, Block | None]:
    """What of a block lives on other data, and what does not.

    A saturated function opens for all that lies behind it, however little of it was shut out on the sample.
    """
    norms = {key: norm for key, norm in block.norms.items() if other.revives(key, norm)}
    if not norms:
        return None, block
    if block.why is Why.SATURATION:
        return replace(block, revived_by=other), None
    inputs = tuple(key for key in block.inputs if key not in norms)
    variables = tuple(variable for variable in block.variables if variable.path not in norms)
    if not inputs and not variables:
        return replace(block, revived_by=other), None
    alive = replace(
        block,
        inputs=tuple(key for key in block.inputs if key in norms),
        variables=tuple(variable for variable in block.variables if variable.path in norms),
        keys=tuple(key for key in block.keys if key in norms),
        revived_by=other,
    )
    return alive, replace(
        block, inputs=inputs, variables=variables, keys=tuple(k for k in block.keys if k not in norms)
    )


def _is_by_weight(flow: Flow, position: int) -> bool:
    """Whether an operation makes zeros because a variable of zeros goes in, which no data can change."""
    zeros = (index for index in flow.op(position).inputs if flow.is_all_zero(index))
    return any(variable_behind(flow, index) is not None for index in zeros)


def _at_its_maker(flow: Flow, position: int, blocks: Sequence[Block]) -> Block:
    """Blocks to which the same zeros come, at the operation that makes zeros of all data."""
    return replace(_joined(blocks), position=position, op=flow.op(position), why=Why.ZEROED, is_tested=True)


def _joined(blocks: Sequence[Block]) -> Block:
    """Blocks that have one cause as one: the first of them in the forward pass, with the victims of all."""
    return with_victims(sorted(blocks, key=lambda block: block.position))
