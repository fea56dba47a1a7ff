"""Factors of zeros that keep each other at zero: told apart by giving each of them, alone, other values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.passes.reasons import Why

if TYPE_CHECKING:
    from gradlint.passes.blocks import Block
    from gradlint.record.recording import VariableRecord

Alone = Callable[[Sequence[str]], Mapping[str, frozenset[str]]]
"""`alone(paths)`: for each of some variables, the names of what has a gradient once it holds random values."""

_MOST_FACTORS = 4
"""Variables of zeros that are tried for one block: a product seldom has more than two."""


def with_partners(found: Sequence[Block], alone: Alone) -> Iterator[Block]:
    """The blocks, those at a variable of zeros with the others that must not be zero at the same time."""
    for block in found:
        factor, zeros = block.factor, _zeros(block)
        if block.why is not Why.ZERO_WEIGHT or factor is None or not zeros:
            yield block
            continue
        alive = alone([variable.path for variable in zeros])
        yield replace(block, partners=tuple(v for v in zeros if factor.path in alive.get(v.path, ())))


def _zeros(block: Block) -> list[VariableRecord]:
    """Victims of zeros that may be a factor; a bias, which is added, starts at zero as a rule."""
    zeros = [v for v in block.variables if v != block.factor and v.values is not None and v.values.zeros == 1.0]
    return [variable for variable in zeros if len(variable.shape) > 1][:_MOST_FACTORS]
