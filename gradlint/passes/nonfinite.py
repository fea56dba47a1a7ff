"""Where NaN or infinity is born, forward or backward."""

from __future__ import annotations

from dataclasses import dataclass

from gradlint.flow import Flow
from gradlint.record.recording import Local, OpRecord, VariableRecord
from gradlint.result import GradientState


@dataclass(frozen=True, slots=True)
class Birth:
    """The operation where the first non-finite number appears.

    Attributes:
        position: of the operation, or -1 when an input or a variable brings the number along.
        backward: it appears in the gradient function, while the forward values are finite.
        source: the input key or variable path that brings it along.
        inputs: float inputs whose gradient is not finite because of it.
        low: smallest value that went into the operation.
        high: largest value that went in.
        count: number of non-finite elements in the result.
    """

    position: int
    op: OpRecord | None
    backward: bool
    source: str | None
    inputs: tuple[str, ...]
    variables: tuple[VariableRecord, ...]
    low: float | None
    high: float | None
    count: int | None


def births(flow: Flow) -> tuple[Birth, ...]:
    """The causes of non-finite gradients or of a non-finite loss; empty when there is neither."""
    recording = flow.recording
    if recording.loss.tensor is None:
        return ()
    inputs = tuple(r.key for r in flow.float_inputs if r.gradient.state is GradientState.NONFINITE)
    variables = tuple(v for v in flow.learners if v.gradient.state is GradientState.NONFINITE)
    if not inputs and not variables and recording.loss.value is not None:
        return ()
    forward = _forward(flow, inputs, variables)
    if forward:
        return forward
    return _backward(flow)


def _is_bad(flow: Flow, tensor: int) -> bool:
    values = flow.tensor(tensor).values
    return values is not None and values.nonfinite > 0


def _forward(flow: Flow, inputs: tuple[str, ...], variables: tuple[VariableRecord, ...]) -> tuple[Birth, ...]:
    recording = flow.recording
    sources = {r.tensor: r.key for r in recording.inputs} | {r.tensor: r.key for r in recording.labels}
    for index, key in sources.items():
        if index is not None and _is_bad(flow, index) and index in flow.behind_loss:
            return (Birth(-1, None, False, key, inputs, variables, None, None, _count(flow, index)),)
    for variable in recording.variables:
        if variable.values is not None and variable.values.nonfinite and variable.tensor in flow.behind_loss:
            return (Birth(-1, None, False, variable.path, inputs, variables, None, None, variable.values.nonfinite),)
    reaches_bad_end = recording.loss.value is None
    for position, op in enumerate(recording.ops):
        bad = [index for index in op.outputs if _is_bad(flow, index)]
        if not bad or any(_is_bad(flow, index) for index in op.inputs):
            continue
        if not any(index in flow.behind_loss for index in bad):
            continue
        if not reaches_bad_end and not _is_passed_on(flow, bad):
            continue
        values = [flow.tensor(index).values for index in op.inputs]
        known = [v for v in values if v is not None]
        return (
            Birth(
                position,
                op,
                False,
                None,
                inputs,
                variables,
                min((v.minimum for v in known), default=None),
                max((v.maximum for v in known), default=None),
                _count(flow, bad[0]),
            ),
        )
    return ()


def _is_passed_on(flow: Flow, tensors: list[int]) -> bool:
    """Whether the gradient at one of these tensors, or just before, is not finite either.

    The infinities of an attention mask are harmless; those that a `where` hides only in the forward pass are not.
    """
    producers = {p for tensor in tensors for p in flow.producers(tensor)}
    operands = [index for p in producers for index in flow.op(p).inputs]
    return any(flow.state(index) is GradientState.NONFINITE for index in [*tensors, *operands])


def _count(flow: Flow, tensor: int) -> int | None:
    values = flow.tensor(tensor).values
    return values.nonfinite if values is not None else None


def _backward(flow: Flow) -> tuple[Birth, ...]:
    found: dict[tuple[str, str, str | None, int | None], int] = {}
    for position, op in enumerate(flow.recording.ops):
        if Local.NONFINITE not in op.local:
            continue
        if any(flow.state(index) is GradientState.NONFINITE for index in op.outputs):
            continue
        found[op.layer, op.type, op.file, op.line] = position
    result = []
    for position in sorted(found.values()):
        op = flow.op(position)
        behind = flow.ancestors(op.inputs)
        inputs = tuple(
            r.key for r in flow.float_inputs if r.gradient.state is GradientState.NONFINITE and r.tensor in behind
        )
        variables = tuple(
            v for v in flow.learners if v.gradient.state is GradientState.NONFINITE and v.tensor in behind
        )
        if not inputs and not variables:
            continue
        operand = op.local.index(Local.NONFINITE)
        values = flow.tensor(op.inputs[operand]).values
        low, high = (values.minimum, values.maximum) if values is not None else (None, None)
        result.append(Birth(position, op, True, None, inputs, variables, low, high, None))
    return tuple(result)
