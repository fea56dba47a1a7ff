"""Cut frontier: the operations at which the gradient of something that should learn becomes `None`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.record.recording import Local, OpRecord, VariableRecord, is_float
from gradlint.result import GradientState

if TYPE_CHECKING:
    from gradlint.flow import Flow

_DEAF = (Local.NONE, Local.UNREGISTERED, Local.RAISES)
_LIVE = (GradientState.FINITE, GradientState.ZERO, GradientState.NONFINITE)


@dataclass(frozen=True, slots=True)
class Cut:
    """One operation, or several together, through which no gradient passes.

    Attributes:
        position: the operation to look at.
        op: the operation at `position`.
        others: positions of further operations that cut the other paths of the same victims.
        inputs: float inputs whose every path is cut here.
        variables: trainable variables whose every path is cut here.
        makes_discrete: the operation turns floats into integers, booleans or strings.
        local: why nothing passes.
    """

    position: int
    op: OpRecord
    others: tuple[int, ...]
    inputs: tuple[str, ...]
    variables: tuple[VariableRecord, ...]
    makes_discrete: bool
    local: Local


@dataclass(frozen=True, slots=True)
class DerivativeOnly:
    """A variable that the loss depends on only through a derivative that the model itself takes."""

    variable: VariableRecord


def cuts(flow: Flow) -> tuple[Cut, ...]:
    """Where each input and variable that the loss depends on, but that has no gradient, loses it.

    A cut is the last operation on a path through which nothing passes from a float operand: behind it, the
    gradient would reach the loss.
    """
    if flow.recording.loss.tensor is None:
        return ()
    listening = _listening(flow)
    frontiers: list[tuple[frozenset[int], str | None, VariableRecord | None]] = []
    for record in flow.float_inputs:
        absent = record.gradient.state is GradientState.ABSENT
        if absent and record.tensor is not None and record.tensor in flow.behind_loss_by_value:
            frontiers.append((_frontier(flow, record.tensor, listening), record.key, None))
    for variable in flow.learners:
        absent = variable.gradient.state is GradientState.ABSENT
        if absent and variable.tensor is not None and variable.tensor in flow.behind_loss_by_value:
            frontiers.append((_frontier(flow, variable.tensor, listening), None, variable))
    found = []
    for positions, keys, variables in _grouped(frontiers):
        position = _primary(flow, positions, frontiers)
        if position is None:
            continue
        op = flow.op(position)
        outputs = [flow.tensor(index).dtype for index in op.outputs]
        found.append(
            Cut(
                position,
                op,
                tuple(sorted(positions - {position})),
                keys,
                variables,
                bool(outputs) and not any(is_float(dtype) or dtype == "resource" for dtype in outputs),
                next((local for local in op.local if local in _DEAF), Local.NONE),
            )
        )
    return tuple(sorted(found, key=lambda cut: cut.position))


def derivative_only(flow: Flow) -> tuple[DerivativeOnly, ...]:
    """Variables that only a derivative inside of the model depends on, as an energy's additive constant."""
    return tuple(
        DerivativeOnly(variable)
        for variable in flow.learners
        if variable.gradient.state is GradientState.ABSENT
        and variable.tensor in flow.behind_loss
        and variable.tensor not in flow.behind_loss_by_value
    )


def _frontier(flow: Flow, start: int, listening: frozenset[int]) -> frozenset[int]:
    """Positions of the operations that cut the paths from one tensor to the loss."""
    behind = flow.behind_loss_by_value
    found: set[int] = set()
    untracked: set[int] = set()
    seen, queue = {start}, deque([start])
    while queue:
        tensor = queue.popleft()
        for position, operand in flow.consumers[tensor]:
            op = flow.op(position)
            if op.type == "InnerGradient" or not any(output in behind for output in op.outputs):
                continue
            culprit = _culprit(flow, position, operand)
            if culprit is not None and any(output in listening for output in flow.op(culprit).outputs):
                found.add(culprit)
                continue
            if any(flow.state(output) in _LIVE for output in op.outputs) and not _is_discrete(flow, tensor):
                untracked.update(flow.producers(tensor))
            for output in op.outputs:
                if output not in seen and output in behind:
                    seen.add(output)
                    queue.append(output)
    # Every operation on the way would serve its operand, and still the tape has no gradient: a tensor was made
    # while the tape was not recording.
    return frozenset(found or untracked)


def _listening(flow: Flow) -> frozenset[int]:
    """Tensors from which nothing more stands between them and the loss: whatever cuts before them, cuts last.

    Integers are followed as if they could carry a gradient, since the cut is where they are made.
    """
    loss = flow.recording.loss.tensor
    return flow.ancestors([] if loss is None else [loss], lambda op, operand: _culprit(flow, op, operand) is None)


def _is_discrete(flow: Flow, tensor: int) -> bool:
    dtype = flow.tensor(tensor).dtype
    return not is_float(dtype) and dtype != "resource"


def _culprit(flow: Flow, position: int, operand: int) -> int | None:
    """The operation to blame when nothing passes through `position` from `operand`; None when it would."""
    op = flow.op(position)
    if _is_discrete(flow, op.inputs[operand]):
        return None
    is_absent = flow.state(op.inputs[operand]) is GradientState.ABSENT
    if op.enclosed is not None and is_absent and set(op.outputs) & set(flow.op(op.enclosed).outputs):
        return op.enclosed
    if op.type in ("PyFunc", "NumpyConversion") or op.type.startswith("Assign"):
        return position
    if op.type == "CustomGradient":
        return position if is_absent else None
    if is_absent and all(_is_discrete(flow, output) for output in op.outputs if output in flow.behind_loss):
        return position  # The indices of a top-k pass nothing, though its values would.
    return position if op.local[operand] in _DEAF else None


def _grouped(
    frontiers: list[tuple[frozenset[int], str | None, VariableRecord | None]],
) -> list[tuple[frozenset[int], tuple[str, ...], tuple[VariableRecord, ...]]]:
    """Join victims that share a cut."""
    groups: list[tuple[set[int], list[str], list[VariableRecord]]] = []
    for positions, key, variable in frontiers:
        joined = (
            set(positions),
            [key] if key is not None else [],
            [variable] if variable is not None else [],
        )
        rest = []
        for group in groups:
            if group[0] & joined[0]:
                joined = (group[0] | joined[0], group[1] + joined[1], group[2] + joined[2])
            else:
                rest.append(group)
        groups = [*rest, joined]
    return [(frozenset(p), tuple(k), tuple(v)) for p, k, v in groups]


def _primary(
    flow: Flow,
    positions: frozenset[int],
    frontiers: list[tuple[frozenset[int], str | None, VariableRecord | None]],
) -> int | None:
    """The operation of a group to name.

    The one that cuts most victims; among equals one before the model's outputs (an added loss comes second),
    then one that keeps floats (a mask beside it is rarely the fault), then one on the user's line, then the last.
    """
    if not positions:
        return None
    counts = {position: sum(position in frontier for frontier, _, _ in frontiers) for position in positions}

    before_outputs = flow.ancestors(output.tensor for output in flow.recording.outputs)

    def weight(position: int) -> tuple[int, bool, bool, bool, int]:
        op = flow.op(position)
        leads_out = any(index in before_outputs for index in op.outputs)
        keeps_floats = any(is_float(flow.tensor(index).dtype) for index in op.outputs)
        return counts[position], leads_out, keeps_floats, op.file is not None, position

    return max(positions, key=weight)
