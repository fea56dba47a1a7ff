"""The last activation before each built-in loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.reasons import variable_behind
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.record.recording import LossFunction, OpRecord


@dataclass(frozen=True, slots=True)
class Head:
    """One output and its loss.

    Attributes:
        op: the operation that gives the output its values.
        activation: `Sigmoid` or `Softmax` when the output is one, or a mixture of such; else None.
        low: smallest value of the output.
        high: largest value.
        units: length of its last axis.
        unbounded: what it ends in, in words, when that gives no probabilities whatever the values are.
        twice: type of the squashing function inside of the last one.
        is_of_rectifier: whether it is a rectifier that the last one squashes.
        divisor: smallest sum over the last axis, where the loss divides by it and something is not finite.
    """

    output: str
    loss: LossFunction
    op: OpRecord
    position: int
    activation: str | None
    layer: str
    low: float
    high: float
    units: int
    unbounded: str | None = None
    twice: str | None = None
    is_of_rectifier: bool = False
    divisor: float | None = None


def heads(flow: Flow) -> tuple[Head, ...]:
    """Every output with a built-in compiled loss."""
    found = []
    recording = flow.recording
    for function in recording.loss.functions:
        if not function.builtin:
            continue
        outputs = [o for o in recording.outputs if o.name == function.output] or (
            list(recording.outputs) if len(recording.outputs) == 1 else []
        )
        for output in outputs:
            position = _last_op(flow, output.tensor)
            values = flow.tensor(output.tensor).values
            if position is None or values is None:
                continue
            shape = flow.tensor(output.tensor).shape
            activation, inside = _activation(flow, position), _inside(flow, position)
            if values.minimum < 0.0 or values.maximum > 1.0:
                activation = None
            found.append(
                Head(
                    output.name,
                    function,
                    flow.op(position),
                    position,
                    activation,
                    output.layer,
                    values.minimum,
                    values.maximum,
                    shape[-1] if shape else 1,
                    _unbounded(flow, position),
                    twice=inside if has(inside, Trait.PROBABILITIES) else None,
                    is_of_rectifier=has(inside, Trait.CLIPS),
                    divisor=_divisor(flow, output.tensor),
                )
            )
    return tuple(found)


def _last_op(flow: Flow, tensor: int) -> int | None:
    """The operation that made the values of a tensor."""
    position = flow.tensor(tensor).producer
    while position is not None and has(flow.op(position).type, Trait.KEEPS_VALUES):
        position = flow.tensor(flow.op(position).inputs[0]).producer
    return position


def _activation(flow: Flow, position: int, depth: int = 6) -> str | None:
    """`Sigmoid` or `Softmax` if an operation is one, or mixes only such."""
    op = flow.op(position)
    if has(op.type, Trait.PROBABILITIES):
        return op.type
    if not has(op.type, Trait.AVERAGES) or depth == 0:
        return None
    makers = [_last_op(flow, index) for index in op.inputs]
    kinds = {_activation(flow, maker, depth - 1) for maker in makers if maker is not None}
    return kinds.pop() if len(kinds) == 1 else None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A last activation and a loss that do not belong together.

    Attributes:
        message: what does not fit, and what would.
        is_constant: the output or the loss is the same whatever the weights are.
        is_harmless: Keras computes what was meant all the same.
    """

    message: str
    is_constant: bool = False
    is_harmless: bool = False


def mismatch(head: Head) -> Mismatch | None:
    """What does not fit between the end of a model and its built-in loss, by form before values; None when all does."""
    name, loss = head.output, head.loss.name
    if head.twice is not None:
        return Mismatch(
            f"output '{name}' is a {head.op.type} of a {head.twice}, which flattens what it says: one of them is meant"
        )
    if head.is_of_rectifier:
        is_sigmoid = head.op.type == "Sigmoid"
        says = "never says less than a half" if is_sigmoid else "takes all that is below zero alike"
        return Mismatch(
            f"output '{name}' is a {head.op.type} of a rectifier, which {says}: the rectifier is not meant",
            is_harmless=not is_sigmoid,
        )
    binary = loss in ("binary_crossentropy", "binary_focal_crossentropy")
    categorical = loss.startswith(("categorical_", "sparse_categorical_")) and loss.endswith("crossentropy")
    if not (binary or categorical):
        return None
    if head.activation == "Softmax" and head.units == 1:
        return Mismatch(
            f"output '{name}' is a softmax over one unit: it says 1 whatever the weights are; a sigmoid under "
            "binary_crossentropy is meant",
            is_constant=True,
        )
    if categorical and head.units == 1:
        return Mismatch(
            f"output '{name}' has one unit, over which {loss} is constant: a sigmoid under binary_crossentropy, or "
            "a unit for each class, is meant",
            is_constant=True,
        )
    if head.loss.from_logits:
        if head.activation is None:
            return None
        return Mismatch(
            f"output '{name}' ends in {head.activation}, but {loss} is told from_logits=True and applies it again"
        )
    if binary and head.activation == "Softmax":
        return Mismatch(
            f"output '{name}' is a softmax over {head.units} units, but {loss} takes each unit for itself: "
            "categorical_crossentropy for one class of several, or sigmoids for several at once, is meant"
        )
    fitting = "a sigmoid" if binary or head.units == 1 else f"a softmax over the {head.units} units"
    if head.unbounded is not None:
        return Mismatch(
            f"output '{name}' ends in {head.unbounded} (from {head.low:.3g} to {head.high:.3g} here), but {loss} "
            f"expects probabilities (from_logits is False): {fitting} is meant"
        )
    if head.low < 0.0 or head.high > 1.0 + 1e-6:
        return Mismatch(
            f"output '{name}' ranges from {head.low:.3g} to {head.high:.3g}, but {loss} expects probabilities "
            f"(from_logits is False): {fitting} is meant"
        )
    if categorical and head.divisor is not None and head.divisor <= _LEAST_SUM:
        return Mismatch(
            f"rows of output '{name}' sum to {head.divisor:.3g}, and {loss} divides by their sum: {fitting} is meant"
        )
    if categorical and head.op.type == "Sigmoid":
        return Mismatch(
            f"output '{name}' is {head.units} sigmoids, whose sum need not be one, under {loss}: {fitting} is meant",
            is_harmless=True,
        )
    return None


_LEAST_SUM = 1e-6
"""From this sum on a row can be divided by it: Keras cuts the quotient at 1e-7."""


def mismatched(flow: Flow) -> tuple[tuple[Head, Mismatch], ...]:
    """The outputs whose activation does not fit their loss."""
    return tuple((head, found) for head in heads(flow) if (found := mismatch(head)) is not None)


def is_from_mismatch(flow: Flow, position: int) -> bool:
    """Whether an operation is the end of a model that does not fit its loss, or the loss that reads such an end."""
    ends = {head.position: head for head, found in mismatched(flow) if not found.is_harmless}
    if position in ends:
        return True
    if flow.op(position).region is not Region.LOSS:
        return False
    behind = flow.ancestors(flow.op(position).inputs)
    return any(output in behind for head in ends.values() for output in head.op.outputs)


@dataclass(frozen=True, slots=True)
class Unsquashed:
    """An output without an activation of which a loss of the user's own takes the logarithm, as of a probability."""

    output: str
    layer: str
    low: float
    high: float


def unsquashed(flow: Flow, position: int) -> Unsquashed | None:
    """The output that an operation of the loss takes the logarithm of, where nothing keeps it between 0 and 1.

    Args:
        flow: of the run.
        position: of the operation.
    """
    op = flow.op(position)
    if op.region is not Region.LOSS or not has(op.type, Trait.TAKES_LOGARITHM):
        return None
    behind = flow.ancestors(op.inputs, lambda other, _: flow.op(other).region is Region.LOSS)
    for output in flow.recording.outputs:
        values = flow.tensor(output.tensor).values if output.tensor in behind else None
        last = _last_op(flow, output.tensor)
        if values is not None and last is not None and _unbounded(flow, last) == _LINEAR:
            if values.minimum < 0.0 or values.maximum > 1.0:
                return Unsquashed(output.name, output.layer, values.minimum, values.maximum)
    return None


def _divisor(flow: Flow, tensor: int) -> float | None:
    """The smallest sum by which the loss divides the rows of an output; None where nothing called for a look."""
    if not flow.recording.is_looked_at:
        return None
    for position, _ in flow.consumers[tensor]:
        op = flow.op(position)
        if op.type != "Sum" or op.region is not Region.LOSS:
            continue
        (total,) = op.outputs
        values = flow.tensor(total).values
        if values is not None and any(flow.op(after).type == "RealDiv" for after, _ in flow.consumers[total]):
            return values.minimum
    return None


_LINEAR = "a layer without activation"
_UNBOUNDED = {
    "Relu": "a rectifier",
    "Tanh": "a tanh",
    "Elu": "an elu",
    "Selu": "a selu",
    "LeakyRelu": "a leaky rectifier",
    "Softplus": "a softplus",
    "Softsign": "a softsign",
}
"""Activations whose values are no probabilities, wherever they lie for one sample."""


def _unbounded(flow: Flow, position: int) -> str | None:
    """An end that gives no probabilities by its form: such an activation, or a trained layer without any."""
    op = flow.op(position)
    if op.type in _UNBOUNDED:
        return _UNBOUNDED[op.type]
    if has(op.type, Trait.ADDS) and (op.type == "BiasAdd" or variable_behind(flow, op.inputs[1]) is not None):
        before = _last_op(flow, op.inputs[0])
        if before is None:
            return None
        op = flow.op(before)
    if not has(op.type, Trait.MIXES_UNITS):
        return None
    kernel = variable_behind(flow, op.inputs[1])
    return _LINEAR if kernel is not None and kernel.trainable else None


def _inside(flow: Flow, position: int) -> str:
    """The type of the operation whose result a squashing function takes as it is."""
    if not has(flow.op(position).type, Trait.PROBABILITIES):
        return ""
    before = _last_op(flow, flow.op(position).inputs[0])
    return flow.op(before).type if before is not None else ""
