"""Rows of a batch: where a model gives it another number of them, and where the sample itself has two."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gradlint.load.binding import weight_keys
from gradlint.operations import Trait, has
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.record.recording import Failure

_MOST_STEPS = 10_000


def rows_changed(flow: Flow, layer: str) -> tuple[int, int, int] | None:
    """The operation after which the prediction of a layer no longer has the rows of the batch.

    Args:
        flow: one run.
        layer: path of the layer that made a prediction.

    Returns:
        Position, rows before and rows after; None when the prediction has the batch's rows.
    """
    batch = {record.shape[0] for record in flow.recording.inputs if record.shape}
    made = [
        index
        for op in flow.recording.ops
        if op.region is Region.MODEL and op.layer == layer
        for index in op.outputs
        if flow.tensor(index).shape
    ]
    if len(batch) != 1 or not made:
        return None
    (rows,) = batch
    tensor, after = made[-1], flow.tensor(made[-1]).shape[0]
    for _ in range(_MOST_STEPS):
        position = flow.tensor(tensor).producer
        if position is None or after == rows:
            return None
        before = next((index for index in flow.op(position).inputs if flow.keys_behind_tensor(index)), None)
        if before is None:
            return None
        length = flow.tensor(before).shape[0] if flow.tensor(before).shape else after
        if length == rows:
            return position, rows, after
        tensor, after = before, length
    return None


def uneven_rows(facts: Facts) -> dict[str, int]:
    """Rows of inputs, labels and weights, where the run failed because they differ; empty where it did not.

    The error itself names two of the numbers: arrays of different lengths are no mistake as such.
    """
    failure = facts.recording.failure if facts.recording is not None else None
    if failure is None or facts.binding is None or failure.kind != "shape":
        return {}
    binding = facts.binding
    keys = [key for _, key in (*binding.inputs, *binding.labels)] + list(weight_keys(binding))
    shapes = {array.key: array.shape for array in facts.arrays}
    rows = {key: length for key in keys if shapes.get(key) and (length := shapes[key][0]) is not None}
    if failure.region is Region.LOSS:
        named = {int(number) for number in re.findall(r"\d+", failure.message)} & set(rows.values())
    else:
        named = _rows_that_clash(failure) & {rows[key] for key in failure.inputs if key in rows}
    return rows if len(named) > 1 else {}


def _rows_that_clash(failure: Failure) -> set[int]:
    """First lengths of tensors that a layer could join or pair if these were equal; empty where that is not all."""
    op = failure.op or ""
    said = re.findall(r"(?<!\w)\[(\d+(?:,\d+)*)\]", failure.message)  # TensorFlow's own: [8,3] vs. [6,3]
    shapes = [tuple(map(int, numbers.split(","))) for numbers in said] or list(failure.shapes)
    if len(shapes) < 2 or len({len(shape) for shape in shapes}) > 1:
        return set()
    rows, *others = (set(lengths) for lengths in zip(*shapes, strict=True))
    differing = sum(len(lengths) > 1 for lengths in others)
    if has(op, Trait.JOINS):
        return rows if differing <= 1 else set()  # along one axis they may differ
    return rows if has(op, Trait.PAIRS) and not differing else set()
