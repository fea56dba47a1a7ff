"""Where NaN or infinity is born, forward or backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.record.terms import Local, Region
from gradlint.result import GradientState

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.record.recording import OpRecord, VariableRecord


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
    if forward and not _is_written(flow, forward[0]):
        return forward
    return _backward(flow) or forward


def _is_written(flow: Flow, birth: Birth) -> bool:
    """Whether the number was read from a variable that an optimizer wrote it to: a gradient brought it there."""
    if birth.op is None or birth.op.type != "ReadVariableOp":
        return False
    return any(flow.op(maker).region is Region.UPDATE for maker in flow.producers(birth.op.inputs[0]))


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
    position = _first_bad_op(flow)
    if position is None:
        return ()
    op = flow.op(position)
    known = [v for v in (flow.tensor(index).values for index in op.inputs) if v is not None]
    bad = next(index for index in op.outputs if _is_bad(flow, index))
    low = min((v.minimum for v in known), default=None)
    high = max((v.maximum for v in known), default=None)
    return (Birth(position, op, False, None, inputs, variables, low, high, _count(flow, bad)),)


def _first_bad_op(flow: Flow) -> int | None:
    """The operation that starts it: the first NaN, or the infinity that it came from."""
    must_pass_on = flow.recording.loss.value is not None
    first_nan: int | None = None
    infinite: list[int] = []
    for position, op in enumerate(flow.recording.ops):
        bad = [index for index in op.outputs if _is_bad(flow, index) and index in flow.behind_loss]
        if not bad or (must_pass_on and not _is_passed_on(flow, bad)):
            continue
        if not any(_is_bad(flow, index) for index in op.inputs):
            infinite.append(position)
        if any(_nans(flow, index) for index in bad) and not any(_nans(flow, index) for index in op.inputs):
            first_nan = position
            break
    if first_nan is None:
        return infinite[0] if infinite else None
    before = flow.ancestors(flow.op(first_nan).inputs)
    # An infinity that somebody wrote down, as for a mask, has no operation; the NaN it becomes has.
    return next((p for p in infinite if any(index in before for index in flow.op(p).outputs)), first_nan)


def _nans(flow: Flow, tensor: int) -> int:
    values = flow.tensor(tensor).values
    return values.nan if values is not None else 0


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
    """The operations whose gradient function makes the first non-finite number, one for each place in the code."""
    found: dict[tuple[str, str, str | None, int | None], list[int]] = {}
    written = flow.descendants(i for op in flow.recording.ops if op.region is Region.UPDATE for i in op.outputs)
    for position, op in enumerate(flow.recording.ops):
        if Local.NONFINITE not in op.local:
            continue
        if any(flow.state(index) is GradientState.NONFINITE for index in op.outputs):
            continue
        if any(_is_bad(flow, index) and index in written for index in op.inputs):
            continue
        found.setdefault((op.layer, op.type, op.file, op.line), []).append(position)
    result = []
    for positions in sorted(found.values(), key=max):
        behind = flow.ancestors(index for position in positions for index in flow.op(position).inputs)
        inputs = tuple(
            r.key for r in flow.float_inputs if r.gradient.state is GradientState.NONFINITE and r.tensor in behind
        )
        variables = tuple(
            v for v in flow.learners if v.gradient.state is GradientState.NONFINITE and v.tensor in behind
        )
        if not inputs and not variables:
            continue
        last = flow.op(max(positions))
        values = flow.tensor(last.inputs[last.local.index(Local.NONFINITE)]).values
        low, high = (values.minimum, values.maximum) if values is not None else (None, None)
        result.append(Birth(max(positions), last, True, None, inputs, variables, low, high, None))
    return tuple(result)
