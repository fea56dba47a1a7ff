"""Labels against predictions: silent broadcasts in the loss."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.record.recording import OpRecord

_MOST_STEPS = 8
"""How far back an axis is looked for: a cast, a slice of the coordinates, a scaling may follow it."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Two arrays of different shapes, one of the sample and one of the model, that met element by element.

    Attributes:
        key: of the labels, or of the input that serves as such.
        is_label: the sample's labels, and not an input.
        layer: the layer that made the prediction.
        is_outer: the result has more elements than both: every prediction meets every label.
    """

    position: int
    op: OpRecord
    key: str
    is_label: bool
    layer: str
    label_shape: tuple[int, ...]
    prediction_shape: tuple[int, ...]
    result_shape: tuple[int, ...]
    is_outer: bool
    is_builtin: bool


def broadcasts(flow: Flow) -> tuple[Broadcast, ...]:
    """Labels and predictions that meet in the loss with one of the two repeated, the first of each label and layer.

    Inputs count as labels where they meet, in the user's own code, what depends on a variable that learns.
    """
    recording = flow.recording
    if recording.loss.tensor is None:
        return ()
    first: dict[tuple[str, str], Broadcast] = {}
    for broadcast in sorted((*_with_labels(flow), *_with_inputs(flow)), key=lambda found: found.position):
        first.setdefault((broadcast.key, broadcast.layer), broadcast)
    return tuple(first.values())


def _with_labels(flow: Flow) -> Iterator[Broadcast]:
    recording = flow.recording
    if not recording.labels:
        return

    model_made = {output for op in recording.ops if op.region is Region.MODEL for output in op.outputs} | {
        record.tensor for record in recording.inputs if record.tensor is not None
    }
    from_model = flow.descendants(model_made) & _from_inputs(flow)

    def hands_on(position: int, operand: int) -> bool:
        # What labels say of the order in which something is taken puts no label into it; of a table of constants, such
        # as weights of classes, it takes what stands for the labels.
        op = flow.op(position)
        return operand == 0 or not has(op.type, Trait.LOOKS_UP) or op.inputs[0] not in from_model

    from_label = {label.tensor: flow.descendants([label.tensor], hands_on) for label in recording.labels}
    for position, op in enumerate(recording.ops):
        if op.region is not Region.LOSS:
            continue
        for label in recording.labels:
            labelled = from_label[label.tensor]
            for mine, other in itertools.permutations(op.inputs, 2):
                if mine in labelled and mine not in from_model and other in from_model:
                    broadcast = None
                    if other not in labelled:
                        broadcast = _broadcast(flow, position, op, mine, other)
                    elif not has(op.type, Trait.MULTIPLIES):
                        continue  # What weighs the losses of the rows meets the labels that they are made of.
                    broadcast = broadcast or _crossing(flow, position, mine, other)
                elif mine in labelled and other in from_model and other not in labelled:
                    broadcast = _crossing_of_predictions(flow, position, mine, other)
                else:
                    continue
                if broadcast is not None:
                    yield replace(broadcast, key=label.key, is_label=True)


def _from_inputs(flow: Flow) -> frozenset[int]:
    return flow.descendants(record.tensor for record in flow.recording.inputs if record.tensor is not None)


def _with_inputs(flow: Flow) -> Iterator[Broadcast]:
    given = _from_inputs(flow)
    learned = flow.descendants(variable.tensor for variable in flow.learners if variable.tensor is not None)
    for position, op in enumerate(flow.recording.ops):
        # Parameters alone have no rows: that a batch is as long as they are many is chance.
        others = [tensor for tensor in op.inputs if tensor in learned and tensor in given]
        for mine in (tensor for tensor in op.inputs if others and tensor in given and tensor not in learned):
            for other in others:
                broadcast = _crossing(flow, position, mine, other)
                if broadcast is not None:
                    yield replace(broadcast, key=min(flow.keys_behind_tensor(mine), default=""))


def _broadcast(flow: Flow, position: int, op: OpRecord, mine: int, other: int) -> Broadcast | None:
    """Two arrays that are compared while one of them is repeated."""
    if not has(op.type, Trait.COMPARES) or len(op.inputs) != 2:
        return None
    label_shape, prediction_shape = _agreed(flow.tensor(mine).shape, flow.tensor(other).shape)
    if label_shape == prediction_shape or not label_shape or not prediction_shape:
        return None
    result = _repeated(label_shape, prediction_shape)
    size = math.prod(result)
    if size == math.prod(label_shape) == math.prod(prediction_shape):
        return None  # (1,) against (1, 1): nothing is repeated.
    is_outer = size > math.prod(label_shape) and size > math.prod(prediction_shape)
    builtin = op.file is None
    if is_outer and _are_pairs(flow, position, mine, other):
        return None
    # A row that was made of the labels meets a table: one label for each column, as of the candidates of a query.
    if not is_outer and label_shape[0] == 1 and is_spread(flow, mine):
        return None
    # In a loss of one's own, labels of shape (batch, 1) against (batch, quantiles) say what is meant; labels of
    # a lower rank, one label for the whole batch, or predictions that are repeated, do not.
    same_batch = len(label_shape) == len(prediction_shape) and label_shape[0] == prediction_shape[0]
    if not builtin and not is_outer and size == math.prod(prediction_shape) and same_batch:
        return None
    producer = made_by(flow, other)
    return Broadcast(position, op, "", False, producer, label_shape, prediction_shape, result, is_outer, builtin)


def _crossing(flow: Flow, position: int, mine: int, other: int) -> Broadcast | None:
    """Two arrays with the batch in front, one with an axis more, that code of the user's own makes a table of.

    Where the shapes of operands and result show that elements meet, it does not matter what is done with them.
    """
    op = flow.op(position)
    one, two = flow.tensor(mine).shape, flow.tensor(other).shape
    if op.file is None or len(one) == len(two) or not one or not two or one[0] != two[0] or has(op.type, Trait.WEIGHS):
        return None
    result = _repeated(one, two)
    if len(op.outputs) != 1 or flow.tensor(op.outputs[0]).shape != result:
        return None
    if math.prod(result) <= max(math.prod(one), math.prod(two)) or _are_pairs(flow, position, mine, other):
        return None
    return Broadcast(position, op, "", False, made_by(flow, other), one, two, result, True, False)


def _crossing_of_predictions(flow: Flow, position: int, mine: int, other: int) -> Broadcast | None:
    """What the loss made of labels and predictions already, and another part of the predictions, as `_crossing`.

    Both may be of the same predictions: a table of what each row has against each other is spread out on purpose.
    """
    if is_spread(flow, mine) or is_spread(flow, other):
        return None
    return _crossing(flow, position, mine, other)


def _repeated(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The shape to which two shapes broadcast."""
    return tuple(max(pair) for pair in zip_longest(one[::-1], other[::-1], fillvalue=1))[::-1]


def _are_pairs(flow: Flow, position: int, mine: int, other: int) -> bool:
    """Whether code of the loss lays two arrays across each other on purpose."""
    one, two = flow.tensor(mine).shape, flow.tensor(other).shape
    if len(one) == len(two) and any(_is_turned(flow, index) for index in (mine, other)):
        return True
    spread = [is_spread(flow, index) for index in (mine, other)]
    formed = [_is_formed(flow, index) for index in (mine, other)]
    if all(spread) or (spread[0] and formed[1]) or (spread[1] and formed[0]):
        return True
    return any(spread) and _is_searched(flow, position)


def _is_turned(flow: Flow, tensor: int) -> bool:
    """Whether the code that uses a tensor made a row of a column: `transpose(y)`, `reshape(y, (1, -1))`."""
    pairs = ((flow.tensor(before).shape, flow.tensor(after).shape) for before, after in _made_here(flow, tensor))
    return any(len(old) == len(new) > 1 and old[0] != 1 == new[0] and old != new for old, new in pairs)


def _is_formed(flow: Flow, tensor: int) -> bool:
    """Whether the code that uses a tensor gave it fewer axes than what it is made from has."""
    return any(
        len(flow.tensor(before).shape) > len(flow.tensor(after).shape) for before, after in _made_here(flow, tensor)
    )


def _is_searched(flow: Flow, position: int) -> bool:
    """Whether a table of pairs is searched or weighed along one of its axes: a mean takes all pairs alike."""
    (table,) = flow.op(position).outputs[:1]
    shape, seen = flow.tensor(table).shape, {table}
    queue = [table]
    while queue:
        for after, _ in flow.consumers[queue.pop()]:
            op = flow.op(after)
            chooses = has(op.type, Trait.REDUCES) and not has(op.type, Trait.AVERAGES)
            if chooses or has(op.type, Trait.NORMALISES) or has(op.type, Trait.ALONG_AXIS):
                return True
            fresh = [index for index in op.outputs if index not in seen and flow.tensor(index).shape == shape]
            seen.update(fresh)
            queue.extend(fresh)
    return False


def _agreed(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes whose unknown lengths (-1) are those of the other; 1 where neither is known."""
    lengths = list(zip_longest(one[::-1], other[::-1], fillvalue=None))

    def known(shape: tuple[int, ...], side: int) -> tuple[int, ...]:
        pairs = [(pair[side], pair[1 - side]) for pair in lengths][: len(shape)]
        filled = [max(theirs or 1, 1) if mine == -1 else mine or 0 for mine, theirs in pairs]
        return tuple(filled[::-1])

    return known(one, 0), known(other, 1)


def is_spread(flow: Flow, tensor: int) -> bool:
    """Whether the code that uses a tensor gave it an axis of its own: `y[:, None]`, `expand_dims`, `keepdims=True`."""
    for before, after in _made_here(flow, tensor):
        old, new = flow.tensor(before).shape, flow.tensor(after).shape
        position = flow.tensor(after).producer
        kind = flow.op(position).type if position is not None else ""
        if has(kind, Trait.ADDS_AXIS) and len(new) > len(old):
            return True
        if has(kind, Trait.REDUCES) and len(new) == len(old):
            return True
    return False


def _made_here(flow: Flow, tensor: int) -> Iterator[tuple[int, int]]:
    """The first operands and results of the operations that made a tensor, as far as they are of the same code."""
    made_in: str | None = None
    for _ in range(_MOST_STEPS):
        position = flow.tensor(tensor).producer
        op = flow.op(position) if position is not None else None
        if op is None or not op.inputs or (op.file is None and op.region is Region.MODEL):
            return
        place = f"{op.region} {op.layer}"
        if made_in not in (None, place):
            return
        made_in = place
        yield op.inputs[0], tensor
        tensor = op.inputs[0]


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
