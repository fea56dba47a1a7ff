"""Labels against predictions: silent broadcasts in the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.record.recording import LabelRecord, OpRecord, Region

if TYPE_CHECKING:
    from gradlint.flow import Flow

_MOST_STEPS = 8
"""How far back an axis is looked for: a cast, a slice of the coordinates, a scaling may follow it."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A label and a prediction of different shapes that were compared element by element.

    Attributes:
        layer: the layer that made the prediction.
        is_outer: the result has more elements than both: every prediction meets every label.
    """

    position: int
    op: OpRecord
    label: LabelRecord
    layer: str
    label_shape: tuple[int, ...]
    prediction_shape: tuple[int, ...]
    result_shape: tuple[int, ...]
    is_outer: bool
    is_builtin: bool


def broadcasts(flow: Flow) -> tuple[Broadcast, ...]:
    """Comparisons of labels with predictions in the loss that expand one of the two."""
    recording = flow.recording
    if not recording.labels or recording.loss.tensor is None:
        return ()
    from_label = {label.tensor: flow.descendants([label.tensor]) for label in recording.labels}
    model_made = {output for op in recording.ops if op.region is Region.MODEL for output in op.outputs} | {
        record.tensor for record in recording.inputs if record.tensor is not None
    }
    from_model = flow.descendants(model_made)
    found: list[Broadcast] = []
    for position, op in enumerate(recording.ops):
        if op.region is not Region.LOSS or not has(op.type, Trait.COMPARES) or len(op.inputs) != 2:
            continue
        for label in recording.labels:
            labelled = from_label[label.tensor]
            for mine, other in (op.inputs, op.inputs[::-1]):
                if mine in labelled and mine not in from_model and other in from_model and other not in labelled:
                    broadcast = _broadcast(flow, position, op, label, mine, other)
                    if broadcast is not None:
                        found.append(broadcast)
    first: dict[tuple[str, str], Broadcast] = {}
    for broadcast in found:
        first.setdefault((broadcast.label.key, broadcast.layer), broadcast)
    return tuple(first.values())


def _broadcast(flow: Flow, position: int, op: OpRecord, label: LabelRecord, mine: int, other: int) -> Broadcast | None:
    label_shape, prediction_shape = _agreed(flow.tensor(mine).shape, flow.tensor(other).shape)
    if label_shape == prediction_shape or not label_shape or not prediction_shape:
        return None
    if is_spread(flow, mine) and is_spread(flow, other):
        return None  # Both were given an axis to meet along: every pair is meant.
    result = tuple(max(pair) for pair in zip_longest(label_shape[::-1], prediction_shape[::-1], fillvalue=1))[::-1]
    size = math.prod(result)
    if size == math.prod(label_shape) == math.prod(prediction_shape):
        return None  # (1,) against (1, 1): nothing is repeated.
    is_outer = size > math.prod(label_shape) and size > math.prod(prediction_shape)
    builtin = op.file is None
    # In a loss of one's own, labels of shape (batch, 1) against (batch, quantiles) say what is meant; labels of
    # a lower rank, one label for the whole batch, or predictions that are repeated, do not.
    same_batch = len(label_shape) == len(prediction_shape) and label_shape[0] == prediction_shape[0]
    if not builtin and not is_outer and size == math.prod(prediction_shape) and same_batch:
        return None
    producer = made_by(flow, other)
    return Broadcast(position, op, label, producer, label_shape, prediction_shape, result, is_outer, builtin)


def _agreed(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes whose unknown lengths (-1) are those of the other; 1 where neither is known."""
    lengths = list(zip_longest(one[::-1], other[::-1], fillvalue=None))

    def known(shape: tuple[int, ...], side: int) -> tuple[int, ...]:
        pairs = [(pair[side], pair[1 - side]) for pair in lengths][: len(shape)]
        filled = [max(theirs or 1, 1) if mine == -1 else mine or 0 for mine, theirs in pairs]
        return tuple(filled[::-1])

    return known(one, 0), known(other, 1)


def is_spread(flow: Flow, tensor: int) -> bool:
    """Whether the loss gave a tensor an axis of its own: `y[:, None]`, `expand_dims`, `reshape`."""
    for _ in range(_MOST_STEPS):
        position = flow.tensor(tensor).producer
        op = flow.op(position) if position is not None else None
        if op is None or op.region is not Region.LOSS or not op.inputs:
            return False
        before, after = flow.tensor(op.inputs[0]).shape, flow.tensor(tensor).shape
        if has(op.type, Trait.ADDS_AXIS) and len(after) > len(before):
            return True
        tensor = op.inputs[0]
    return False


def made_by(flow: Flow, tensor: int) -> str:
    """Path of the layer that made a tensor of the loss, or the prediction it was computed from."""
    seen = {tensor}
    queue = [tensor]
    while queue:
        current = queue.pop(0)
        for producer in flow.producers(current):
            op = flow.op(producer)
            if op.region is Region.MODEL and op.layer:
                return op.layer
            for index in op.inputs:
                if index not in seen:
                    seen.add(index)
                    queue.append(index)
    return ""
