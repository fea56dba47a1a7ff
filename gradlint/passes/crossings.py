"""A column and a row of equal length that meet in a training step: (8, 1) and (8,) make (8, 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.labels import is_spread, made_by
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from collections.abc import Collection

    from gradlint.flow import Flow
    from gradlint.record.step_record import Frame, StepRecord


@dataclass(frozen=True, slots=True)
class Crossing:
    """Predictions and numbers of the batch, one of them with more axes than the other.

    Attributes:
        layer: the layer that made the predictions.
    """

    position: int
    op: str
    layer: str
    frame: Frame | None
    column: tuple[int, ...]
    row: tuple[int, ...]
    result: tuple[int, ...]


def crossings(flow: Flow, step: StepRecord, known: Collection[int]) -> tuple[Crossing, ...]:
    """The first crossing on each way to a target, outside of layers.

    Nobody writes `(8, 1) + (8,)` on purpose: who wants every pair gives one of the two its axis in the same place.
    """
    behind = flow.ancestors(target for call in step.calls for target in call.targets)
    made = {index for op in flow.recording.ops if op.region is Region.MODEL for index in op.outputs}
    from_model = flow.descendants(made)
    found: list[Crossing] = []
    met = {_place(flow, position) for position in known}  # A loop comes by the same line again.
    crossed: frozenset[int] = frozenset()
    for position, op in enumerate(flow.recording.ops):
        if not has(op.type, Trait.PAIRS) or op.region is not Region.LOSS or len(op.inputs) != 2:
            continue
        if op.outputs[0] not in behind or _place(flow, position) in met or set(op.inputs) & crossed:
            continue
        if op.file is None or any(call.first <= position < call.last for call in step.calls):
            continue
        one, other = sorted(op.inputs, key=lambda index: -len(flow.tensor(index).shape))
        column, row = flow.tensor(one).shape, flow.tensor(other).shape
        is_table = other in from_model and _is_table_of(column, row)
        if not is_table and not (_are_column_and_row(column, row) and {one, other} & from_model):
            continue
        if not is_table and is_spread(flow, one):
            continue
        found.append(
            Crossing(
                position,
                op.type,
                made_by(flow, one) or made_by(flow, other),
                step.frame_at(position),
                column,
                row,
                flow.tensor(op.outputs[0]).shape,
            )
        )
        met.add(_place(flow, position))
        crossed = crossed | flow.descendants(op.outputs)
    return tuple(found)


def _are_column_and_row(column: tuple[int, ...], row: tuple[int, ...]) -> bool:
    return len(column) == 2 and len(row) == 1 and column[1] == 1 and column[0] == row[0] > 1


def _is_table_of(table: tuple[int, ...], rows: tuple[int, ...]) -> bool:
    """Whether an array has the rows of another once more beyond axes of length one: (8, 1, 8, 3) of (8, 3).

    It is made where a weight that has the axes of images meets labels. Pairs on purpose have no such axes between.
    """
    more = len(table) - len(rows)
    return more > 1 and bool(rows) and table[0] == rows[0] == table[more] > 1 and set(table[1:more]) == {1}


def _place(flow: Flow, position: int) -> tuple[object, ...]:
    op = flow.op(position)
    return op.file, op.line, *(flow.tensor(index).shape for index in op.inputs)
