"""The last activation before each built-in loss."""

from __future__ import annotations

from dataclasses import dataclass

from gradlint.flow import Flow
from gradlint.record.recording import LossFunction, OpRecord

# Operations that change form or type, not values.
_FORM = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "ExpandDims", "Transpose", "EnsureShape"})


@dataclass(frozen=True, slots=True)
class Head:
    """One output and its loss.

    Attributes:
        op: the operation that gives the output its values.
        low: smallest value of the output.
        high: largest value.
        units: length of its last axis.
    """

    output: str
    loss: LossFunction
    op: OpRecord
    position: int
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
            tensor = output.tensor
            values = flow.tensor(tensor).values
            position = flow.tensor(tensor).producer
            while position is not None and flow.op(position).type in _FORM:
                tensor = flow.op(position).inputs[0]
                position = flow.tensor(tensor).producer
            if position is None or values is None:
                continue
            shape = flow.tensor(output.tensor).shape
            found.append(
                Head(
                    output.name,
                    function,
                    flow.op(position),
                    position,
                    output.layer,
                    values.minimum,
                    values.maximum,
                    shape[-1] if shape else 1,
                )
            )
    return tuple(found)
