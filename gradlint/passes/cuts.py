"""Cut frontier: the operations at which the gradient of something that should learn becomes `None`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import CUSTOM_GRADIENT, INNER_GRADIENT, Trait, has
from gradlint.record.recording import OPAQUE, Local, OpRecord, VariableRecord, is_float
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.flow import Flow

_DEAF = (Local.NONE, Local.UNREGISTERED, Local.RAISES)
_LIVE = (GradientState.FINITE, GradientState.ZERO, GradientState.NONFINITE, GradientState.PRESENT)


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
    gradient would reach the loss. A second cut before it, on another line, is one more: to mend the last one
    alone would not help.
    """
    if flow.recording.loss.tensor is None:
        return ()
    listening = _listening(flow)
    behind = flow.behind_loss_by_value
    victims: list[_Victim] = [
        _Victim(record.key, None, record.tensor)
        for record in flow.float_inputs
        if record.gradient.state is GradientState.ABSENT and record.tensor is not None and record.tensor in behind
    ]
    victims += [
        _Victim(None, variable, variable.tensor)
        for variable in flow.learners
        if variable.gradient.state is GradientState.ABSENT and variable.tensor is not None and variable.tensor in behind
    ]
    cut_at = _frontiers(flow, [victim.tensor for victim in victims], listening)
    frontiers = [(cut_at[victim.tensor] or _untracked(flow, victim.tensor), victim) for victim in victims]
    found = []
    for positions, members in _grouped(frontiers):
        position = _primary(flow, positions, frontiers)
        if position is None:
            continue
        found.append(_cut(flow, position, positions, members))
        found.extend(_earlier(flow, positions, members))
    return tuple(sorted(found, key=lambda cut: cut.position))


@dataclass(frozen=True, slots=True)
class _Victim:
    """An input or a variable without a gradient, and its tensor."""

    key: str | None
    variable: VariableRecord | None
    tensor: int


def _cut(flow: Flow, position: int, positions: frozenset[int], members: list[_Victim]) -> Cut:
    op = flow.op(position)
    dtypes = [flow.tensor(index).dtype for index in op.outputs]
    return Cut(
        position,
        op,
        tuple(sorted(positions - {position})),
        tuple(victim.key for victim in members if victim.key is not None),
        tuple(victim.variable for victim in members if victim.variable is not None),
        bool(dtypes) and not any(is_float(dtype) or dtype in OPAQUE for dtype in dtypes),
        next((local for local in op.local if local in _DEAF), Local.NONE),
    )


def _earlier(flow: Flow, last: frozenset[int], members: list[_Victim]) -> list[Cut]:
    """Cuts that every path of some victims meets before the last one, on other lines of the user's code.

    An operation that makes integers is left out: what comes after it is a part of the same mistake.
    """
    lines = {(flow.op(position).file, flow.op(position).line) for position in last}
    goals = {index for position in last for index in flow.op(position).inputs}
    reached = flow.descendants([victim.tensor for victim in members])
    found = []
    for position in sorted({p for t in reached & flow.behind_loss for p, _ in flow.consumers[t]} - last):
        op = flow.op(position)
        keeps_floats = any(is_float(flow.tensor(index).dtype) for index in op.outputs)
        if not keeps_floats or op.file is None or (op.file, op.line) in lines:
            continue
        operands = [n for n, index in enumerate(op.inputs) if index in reached]
        if not any(_culprit(flow, position, operand) == position for operand in operands):
            continue
        behind = [victim for victim in members if not goals & _around(flow, victim.tensor, position)]
        if behind:
            lines.add((op.file, op.line))
            found.append(_cut(flow, position, frozenset({position}), behind))
    return found


def derivative_only(flow: Flow) -> tuple[DerivativeOnly, ...]:
    """Variables that only a derivative inside of the model depends on, as an energy's additive constant."""
    return tuple(
        DerivativeOnly(variable)
        for variable in flow.learners
        if variable.gradient.state is GradientState.ABSENT
        and variable.tensor in flow.behind_loss
        and variable.tensor not in flow.behind_loss_by_value
    )


def _frontiers(flow: Flow, starts: Sequence[int], listening: frozenset[int]) -> dict[int, frozenset[int]]:
    """For each of some tensors, the positions of the operations that cut its paths to the loss."""
    behind = flow.behind_loss_by_value
    reached = flow.descendants(starts)
    found = dict.fromkeys(reached, frozenset[int]())
    # Backwards, so that the cuts after an operation are known before its operands are asked for.
    for position in sorted({position for tensor in reached for position, _ in flow.consumers[tensor]}, reverse=True):
        op = flow.op(position)
        if not _leads_on(flow, position):
            continue
        ahead = frozenset[int]().union(*(found[output] for output in op.outputs if output in behind))
        for operand, tensor in enumerate(op.inputs):
            if tensor not in reached:
                continue
            culprit = _culprit(flow, position, operand)
            is_cut = culprit is not None and any(output in listening for output in flow.op(culprit).outputs)
            cut = frozenset({culprit}) if is_cut and culprit is not None else ahead
            found[tensor] = found[tensor] if found[tensor] >= cut else found[tensor] | cut
    return found


def _leads_on(flow: Flow, position: int) -> bool:
    """Whether an operation hands values on to the loss, other than through a derivative."""
    op = flow.op(position)
    return op.type != INNER_GRADIENT and any(output in flow.behind_loss_by_value for output in op.outputs)


def _untracked(flow: Flow, start: int) -> frozenset[int]:
    """What made the tensors at which the gradient is lost although every operation on the way would serve it.

    They were made while the tape was not recording.
    """
    found: set[int] = set()
    reached = flow.descendants([start], lambda position, _: _leads_on(flow, position))
    for tensor in reached & flow.behind_loss_by_value:
        if flow.state(tensor) is not GradientState.ABSENT:
            continue
        for position, _ in flow.consumers[tensor]:
            if _leads_on(flow, position) and any(flow.state(output) in _LIVE for output in flow.op(position).outputs):
                found.update(flow.producers(tensor))
    return frozenset(found)


def _listening(flow: Flow) -> frozenset[int]:
    """Tensors from which nothing more stands between them and the loss: whatever cuts before them, cuts last.

    Integers are followed as if they could carry a gradient, since the cut is where they are made.
    """
    loss = flow.recording.loss.tensor
    return flow.ancestors([] if loss is None else [loss], lambda op, operand: _culprit(flow, op, operand) is None)


def _is_discrete(flow: Flow, tensor: int) -> bool:
    dtype = flow.tensor(tensor).dtype
    return not is_float(dtype) and dtype not in OPAQUE


def _culprit(flow: Flow, position: int, operand: int) -> int | None:
    """The operation to blame when nothing passes through `position` from `operand`; None when it would."""
    op = flow.op(position)
    if _is_discrete(flow, op.inputs[operand]):
        return None
    is_absent = flow.state(op.inputs[operand]) is GradientState.ABSENT
    if op.enclosed is not None and is_absent and set(op.outputs) & set(flow.op(op.enclosed).outputs):
        return op.enclosed
    if has(op.type, Trait.LEAVES) or has(op.type, Trait.OVERWRITES):
        return position
    if op.type == CUSTOM_GRADIENT:
        return position if is_absent else None
    if is_absent and all(_is_discrete(flow, output) for output in op.outputs if output in flow.behind_loss):
        return position  # The indices of a top-k pass nothing, though its values would.
    return position if op.local[operand] in _DEAF else None


def _around(flow: Flow, tensor: int, position: int) -> frozenset[int]:
    """What depends on a tensor other than through one operation."""
    return flow.descendants([tensor], lambda op, operand: op != position)


def _grouped(
    frontiers: list[tuple[frozenset[int], _Victim]],
) -> list[tuple[frozenset[int], list[_Victim]]]:
    """Join victims that share a cut."""
    groups: list[tuple[frozenset[int], list[_Victim]]] = []
    for positions, victim in frontiers:
        joined, rest = (positions, [victim]), []
        for group in groups:
            if group[0] & joined[0]:
                joined = (group[0] | joined[0], group[1] + joined[1])
            else:
                rest.append(group)
        groups = [*rest, joined]
    return groups


def _primary(
    flow: Flow,
    positions: frozenset[int],
    frontiers: list[tuple[frozenset[int], _Victim]],
) -> int | None:
    """The operation of a group to name.

    The one that cuts most victims; among equals one before the model's outputs (an added loss comes second),
    then one that keeps floats (a mask beside it is rarely the fault), then one on the user's line, then the last.
    """
    if not positions:
        return None
    counts = {position: sum(position in frontier for frontier, _ in frontiers) for position in positions}

    before_outputs = flow.ancestors(output.tensor for output in flow.recording.outputs)

    def weight(position: int) -> tuple[int, bool, bool, bool, int]:
        op = flow.op(position)
        leads_out = any(index in before_outputs for index in op.outputs)
        keeps_floats = any(is_float(flow.tensor(index).dtype) for index in op.outputs)
        return counts[position], leads_out, keeps_floats, op.file is not None, position

    return max(positions, key=weight)
