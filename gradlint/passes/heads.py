"""The last activation before each built-in loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has

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
            activation = _activation(flow, position)
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
