"""Cut frontier: the operations at which the gradient of something that should learn becomes `None`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from gradlint.flow import Flow
from gradlint.record.recording import Local, OpRecord, VariableRecord, is_float
from gradlint.result import GradientState

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

    A cut is the last operation on the way from the victim that has a gradient behind it and none before it; where
    everything up to the loss is without gradient, it is the operation nearest to the loss that turns a float
    into nothing differentiable.
    """
    if flow.recording.loss.tensor is None:
        return ()
    frontiers: list[tuple[frozenset[int], str | None, VariableRecord | None]] = []
    for record in flow.float_inputs:
        absent = record.gradient.state is GradientState.ABSENT
        if absent and record.tensor is not None and record.tensor in flow.behind_loss_by_value:
            frontiers.append((_frontier(flow, record.tensor), record.key, None))
    for variable in flow.learners:
        absent = variable.gradient.state is GradientState.ABSENT
        if absent and variable.tensor is not None and variable.tensor in flow.behind_loss_by_value:
            frontiers.append((_frontier(flow, variable.tensor), None, variable))
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


def _frontier(flow: Flow, start: int) -> frozenset[int]:
    """Positions of the operations that cut the paths from one tensor to the loss."""
    behind = flow.behind_loss_by_value
    true_cuts: set[int] = set()
    candidates: set[int] = set()
    seen, queue = {start}, deque([start])
    while queue:
        tensor = queue.popleft()
        for position, operand in flow.consumers[tensor]:
            op = flow.op(position)
            if op.type == "InnerGradient" or not any(output in behind for output in op.outputs):
                continue
            culprit = _culprit(flow, position, operand)
            if culprit is not None:
                candidates.add(culprit)
            if any(flow.state(output) in _LIVE and output in behind for output in op.outputs):
                # A gradient arrives at this operation and does not go on to `tensor`.
                if culprit is not None:
                    true_cuts.add(culprit)
                elif not _is_discrete(flow, tensor):
                    # The operation would serve this operand, so the tape never knew the operand.
                    true_cuts.update(flow.producers(tensor))
                continue
            for output in op.outputs:
                if output not in seen and output in behind:
                    seen.add(output)
                    queue.append(output)
    if true_cuts:
        return frozenset(true_cuts)
    return frozenset(_last(flow, candidates, seen))


def _is_discrete(flow: Flow, tensor: int) -> bool:
    dtype = flow.tensor(tensor).dtype
    return not is_float(dtype) and dtype != "resource"


def _culprit(flow: Flow, position: int, operand: int) -> int | None:
    """The operation to blame when nothing passes through `position` from `operand`; None when it would."""
    op = flow.op(position)
    if _is_discrete(flow, op.inputs[operand]):
        return None
    if op.enclosed is not None and any(flow.state(output) in _LIVE for output in op.outputs):
        return op.enclosed
    if op.type in ("PyFunc", "NumpyConversion", "CustomGradient") or op.type.startswith("Assign"):
        return position
    return position if op.local[operand] in _DEAF else None


def _last(flow: Flow, candidates: set[int], seen: set[int]) -> set[int]:
    """Those candidates from which no other candidate is reached."""
    last = set()
    for position in candidates:
        reached = flow.descendants(flow.op(position).outputs)
        later = {other for other in candidates - {position} if any(t in reached for t in flow.op(other).inputs)}
        if not later:
            last.add(position)
    return last


def _grouped(
    frontiers: list[tuple[frozenset[int], str | None, VariableRecord | None]],
) -> list[tuple[frozenset[int], tuple[str, ...], tuple[VariableRecord, ...]]]:
    """Join victims that share a cut."""
    groups: list[tuple[set[int], list[str], list[VariableRecord]]] = []
    for positions, key, variable in frontiers:
        joined = (set(positions), [key] if key is not None else [], [variable] if variable is not None else [])
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
    """The operation of a group that cuts most victims; among equals one on the user's line, then the last."""
    if not positions:
        return None
    counts = {position: sum(position in frontier for frontier, _, _ in frontiers) for position in positions}
    return max(positions, key=lambda position: (counts[position], flow.op(position).file is not None, position))
