"""Drop analysis: values that are computed and then read by nobody on the way to the loss."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.sharing import joined
from gradlint.record.terms import is_float
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradlint.flow import Flow
    from gradlint.load.spec import ModelSpec
    from gradlint.record.recording import LayerCall, OpRecord, OutputRecord, VariableRecord


class DropKind(str, Enum):
    """Where a value was last seen."""

    UNREAD = "unread"
    """Nothing reads it at all."""
    UNREAD_LAYER = "unread layer"
    """The layer or model that owns it never runs."""
    DROPPED = "dropped"
    """Operations use it, and their result goes nowhere."""
    OUTPUT = "output"
    """It ends in an output of the model that no loss reads."""
    DECISION = "decision"
    """Its value decides a branch or the length of a loop, and nothing else."""
    SHAPE = "shape"
    """Zeros or ones are made in its shape, and nothing else is made of it."""
    SUBMODEL_OUTPUT = "sub-model output"
    """It ends in an output of a sub-model that has others, and this one is not taken."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Inputs and variables that no path connects to the loss, all lost at the same place.

    Attributes:
        kind: where the value was last seen.
        position: last operation on the way, or -1.
        op: that operation, if any.
        layer: path of the layer to look at.
        file: source file of the line that leaves the value behind.
        outputs: the outputs that nothing reads, for `OUTPUT`.
        is_by_design: library code leaves it unused: its user has no line to change.
        reason: why it is taken to be by design.
        handed_to: path of the layer that gets the value and reads nothing of it; empty where none does.
        received_at: the line, in the same file, that receives the value and hands it to nobody; None where `line` does.
        is_cached: it was read once, before any call, and what was made of it is a constant.
    """

    kind: DropKind
    position: int
    op: OpRecord | None
    layer: str
    file: str | None
    line: int | None
    inputs: tuple[str, ...]
    variables: tuple[VariableRecord, ...]
    outputs: tuple[OutputRecord, ...] = ()
    is_by_design: bool = False
    reason: str = ""
    is_cached: bool = False
    received_at: int | None = None
    handed_to: str = ""


def drops(flow: Flow, returns: Flow | None = None, in_branches: frozenset[str] = frozenset()) -> tuple[Drop, ...]:
    """Groups of inputs and variables without a path to the loss.

    Args:
        flow: one run.
        returns: the same run again, with the lines from which layers returned; better lines.
        in_branches: paths of variables that a branch or loop body reads which this sample does not enter.

    Cost: one traversal for all lost inputs and variables together.
    """
    recording = flow.recording
    if recording.loss.tensor is None:
        return ()
    found: list[Drop] = []
    inputs = [(r.tensor, r.key) for r in recording.inputs if r.tensor is not None and r.tensor not in flow.behind_loss]
    variables: list[tuple[int, VariableRecord]] = []
    for variable in flow.learners:
        if variable.gradient.state is not GradientState.ABSENT:
            continue
        if variable.tensor is None or not flow.consumers[variable.tensor]:
            found.append(_unread(variable, in_branches))
        elif variable.tensor not in flow.behind_loss:
            variables.append((variable.tensor, variable))
    ends_of = _dead_ends(flow, [tensor for tensor, _ in (*inputs, *variables)])
    groups: dict[frozenset[int], tuple[list[str], list[VariableRecord]]] = {}
    for tensor, key in inputs:
        if ends_of[tensor]:
            groups.setdefault(ends_of[tensor], ([], []))[0].append(key)
        else:  # Inputs that nothing reads have nothing in common.
            found.append(_dropped(flow, returns, frozenset(), [key], []))
    for tensor, variable in variables:
        groups.setdefault(ends_of[tensor], ([], []))[1].append(variable)
    for ends, parts in joined(groups.items()):
        keys = [key for lost_keys, _ in parts for key in lost_keys]
        owned = [variable for _, lost_variables in parts for variable in lost_variables]
        found.append(_dropped(flow, returns, ends, keys, owned))
    return tuple(sorted(_joined(found), key=lambda drop: drop.position))


def unread_on_paper(spec: ModelSpec) -> tuple[Drop, ...]:
    """Inputs that a model declares and connects to nothing, by its file alone.

    Only a model of Keras's own classes is judged: another may read an input in its `train_step`.
    """
    if not spec.is_builtin_only:
        return ()
    keys = [entry.key for entry in spec.inputs or () if entry.declared and not entry.used and not entry.optional]
    return tuple(Drop(DropKind.UNREAD, -1, None, key, None, None, (key,), ()) for key in keys)


def _dead_ends(flow: Flow, starts: Iterable[int]) -> dict[int, frozenset[int]]:
    """For each of some tensors, the last operations that its value reaches."""
    reached = flow.descendants(starts)
    ends: dict[int, frozenset[int]] = {}
    for tensor in reached:
        unread = (p for p in flow.producers(tensor) if not any(flow.consumers[out] for out in flow.op(p).outputs))
        ends[tensor] = frozenset(unread)
    # Backwards, so that what an operation leads to is known before its operands are asked for.
    for position in sorted({position for tensor in reached for position, _ in flow.consumers[tensor]}, reverse=True):
        op = flow.op(position)
        ahead = frozenset[int]().union(*(ends[output] for output in op.outputs if output in ends))
        for tensor in set(op.inputs) & reached:
            ends[tensor] = ends[tensor] | ahead if not ends[tensor] >= ahead else ends[tensor]
    return ends


def _unread(variable: VariableRecord, in_branches: frozenset[str]) -> Drop:
    reason = ""
    if variable.path in in_branches:
        reason = "it is read in a branch or loop that this sample, or this draw, does not enter"
    elif variable.optional:
        reason = "it is read only when an optional argument is given"
    elif variable.blamed_is_library:
        reason = "the layer is library code that does not need it here"
    kind = DropKind.UNREAD if variable.owner_called else DropKind.UNREAD_LAYER
    return Drop(
        kind,
        -1,
        None,
        variable.layer,
        variable.file,
        variable.line,
        (),
        (variable,),
        (),
        bool(reason),
        reason,
        variable.is_cached,
    )


def _joined(found: Iterable[Drop]) -> list[Drop]:
    """Join unread variables that one line, one layer or one never-called model explains."""
    result: list[Drop] = []
    places: dict[tuple[object, ...], int] = {}
    for drop in found:
        if drop.kind not in (DropKind.UNREAD, DropKind.UNREAD_LAYER) or not drop.variables:
            result.append(drop)
            continue
        variable = drop.variables[0]
        place: tuple[object, ...] = (
            (drop.kind, drop.is_by_design, drop.file, drop.line)
            if drop.file and not drop.is_cached
            else (
                drop.kind,
                drop.is_by_design,
                (variable.blamed or drop.layer.split("/")[0]) if drop.kind is DropKind.UNREAD_LAYER else drop.layer,
            )
        )
        if place in places:
            first = result[places[place]]
            layer = _common(first.layer, drop.layer) or first.layer
            result[places[place]] = replace(first, layer=layer, variables=first.variables + drop.variables)
        else:
            places[place] = len(result)
            result.append(drop)
    return result


def _common(one: str, other: str) -> str:
    parts = []
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right:
            break
        parts.append(left)
    return "/".join(parts)


def _dropped(
    flow: Flow, returns: Flow | None, ends: frozenset[int], inputs: list[str], variables: list[VariableRecord]
) -> Drop:
    recording = flow.recording
    if not ends:
        layer = inputs[0] if inputs else ""
        return Drop(DropKind.UNREAD, -1, None, layer, None, None, tuple(inputs), tuple(variables))
    position = max(ends)
    op = flow.op(position)
    dead = {tensor for end in ends for tensor in flow.op(end).outputs}
    starts = [record.tensor for record in recording.inputs if record.key in inputs]
    starts += [variable.tensor for variable in variables]
    dead |= flow.descendants([start for start in starts if start is not None])
    unread = tuple(output for output in recording.outputs if output.tensor in dead)
    # Of layers that have nothing in common, the one that leaves the value behind.
    owners = [variable.layer for variable in variables]
    layer = functools.reduce(_common, owners) if owners else ""
    if not layer or all(variable.layer.startswith(f"{layer}/") for variable in recording.variables):
        layer = op.layer or layer  # The name of the model itself tells nothing.
    layer = layer or next(iter(owners), "")
    lost = Drop(DropKind.DROPPED, position, op, layer, op.file, op.line, tuple(inputs), tuple(variables))
    if unread:
        return replace(lost, kind=DropKind.OUTPUT, layer=unread[0].layer or layer, outputs=unread)
    decided = {producer for tensor in recording.decisions & dead for producer in flow.producers(tensor)}
    if decided:
        position = _discretising(flow, min(decided), dead)
        op = flow.op(position)
        return replace(
            lost, kind=DropKind.DECISION, position=position, op=op, layer=op.layer or layer, file=op.file, line=op.line
        )
    last_dead = {tensor for end in ends for tensor in flow.op(end).outputs}
    shaped = _only_shaped(flow, dead, layer)
    if shaped is not None:
        op = flow.op(shaped)
        return replace(lost, kind=DropKind.SHAPE, position=shaped, op=op, file=op.file, line=op.line)
    left = _left_submodel(recording.calls, last_dead)
    if left is not None:
        reason = "it belongs to an output of a sub-model that this model does not take"
        return replace(lost, kind=DropKind.SUBMODEL_OUTPUT, is_by_design=left.is_of_library, reason=reason)
    if has(op.type, Trait.ASSIGNS) and variables and variables[0].file:
        # A counter: where it is made it should say that it does not learn.
        return replace(lost, file=variables[0].file, line=variables[0].line)
    deaf = _deaf_call(flow, returns, dead)
    if deaf is not None:
        place = deaf.return_file, deaf.return_line
        file, line = place if place[0] is not None else (deaf.caller_file, deaf.caller_line)
        return replace(lost, layer=deaf.layer, file=file, line=line, handed_to=deaf.layer)
    call = _dropping_call(flow, dead, position)
    if call is None:
        return lost
    number, dropping = call
    return _in_call(lost, number, dropping, _handing_call(recording.calls, dropping, last_dead), returns)


def _deaf_call(flow: Flow, returns: Flow | None, dead: set[int]) -> LayerCall | None:
    """The innermost layer that gets a lost value, reads nothing of it, and leads to the loss."""
    if returns is None or len(returns.recording.ops) != len(flow.recording.ops):
        return None
    reading = {position for tensor in dead for position, _ in flow.consumers[tensor]}
    deaf = [
        call
        for call in returns.recording.calls
        if call.layer
        and not dead.isdisjoint(call.given)
        and reading.isdisjoint(range(call.first, call.last))
        and not flow.behind_loss.isdisjoint(set(call.outputs) - set(call.given))
    ]
    return min(deaf, key=lambda call: call.last - call.first, default=None)


def _only_shaped(flow: Flow, dead: set[int], layer: str) -> int | None:
    """The operation outside of a layer, on a line of the user's, that takes no more than the shape of what it made."""
    for position, op in enumerate(flow.recording.ops):
        is_used = has(op.type, Trait.FILLS) and not flow.behind_loss.isdisjoint(op.outputs)
        is_outside = op.file is not None and op.layer != layer and not op.layer.startswith(f"{layer}/")
        if is_used and is_outside and not dead.isdisjoint(op.inputs):
            return position
    return None


def _in_call(lost: Drop, number: int, dropping: LayerCall, handed: LayerCall | None, returns: Flow | None) -> Drop:
    """What was lost in a call of a layer: where the layer returned, or else where it was handed what it drops."""
    file, line = lost.file, lost.line
    received: tuple[str | None, int | None] = None, None
    if handed is not None and handed.caller_file:
        file, line = received = handed.caller_file, handed.caller_line
    if returns is not None and number < len(returns.recording.calls):
        traced = returns.recording.calls[number]
        file, line = (traced.return_file, traced.return_line) if traced.return_file else (file, line)
    by_design = dropping.is_library and lost.op is not None and lost.op.file is None and not lost.inputs
    return replace(
        lost,
        layer=lost.layer or dropping.layer,
        file=file,
        line=line,
        is_by_design=by_design,
        reason="library code computes it and does not use it here" if by_design else "",
        received_at=received[1] if received[0] == file and received[1] != line else None,
    )


def _discretising(flow: Flow, position: int, dead: set[int]) -> int:
    """The last operation on the way to a decision that still takes a float of the lost value."""
    while True:
        op = flow.op(position)
        mine = [index for index in op.inputs if index in dead]
        if not mine or any(is_float(flow.tensor(index).dtype) for index in mine):
            return position
        producers = [producer for index in mine for producer in flow.producers(index)]
        if not producers:
            return position
        position = max(producers)


def _dropping_call(flow: Flow, dead: set[int], end: int) -> tuple[int, LayerCall] | None:
    """The innermost call that contains the last dead end and does not hand the value on to its caller."""
    return next((pair for pair in flow.calls_around(end) if dead.isdisjoint(pair[1].outputs)), None)


def _handing_call(calls: tuple[LayerCall, ...], dropping: LayerCall, ends: set[int]) -> LayerCall | None:
    """The outermost call inside of another one that returns the last of a lost value."""
    inside = [c for c in calls if c is not dropping and dropping.first <= c.first and c.last <= dropping.last]
    returning = [c for c in inside if ends & set(c.outputs)]
    return max(returning, key=lambda call: call.last - call.first, default=None)


def _left_submodel(calls: tuple[LayerCall, ...], dead: set[int]) -> LayerCall | None:
    """The call of a sub-model with several outputs that handed out a value, of which the caller took others."""
    leaving = (c for c in calls if c.is_model and c.layer and len(c.outputs) > 1 and dead & set(c.outputs))
    return next(leaving, None)
