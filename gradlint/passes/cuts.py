"""Cuts: the operations at which the gradient of something that should learn becomes `None`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.operations import CUSTOM_GRADIENT, INNER_GRADIENT, Trait, has
from gradlint.passes.sharing import joined
from gradlint.record.terms import OPAQUE, Local, Region, is_float
from gradlint.result import GradientState

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.record.recording import InputRecord, OpRecord, VariableRecord

_DEAF = (Local.NONE, Local.UNREGISTERED, Local.RAISES)
_LIVE = (GradientState.FINITE, GradientState.ZERO, GradientState.NONFINITE, GradientState.PRESENT)

Bridge = Callable[[frozenset[int], frozenset[int], Collection[int]], "Mapping[int, float | None] | None"]
"""`bridge(opened, tried, victims)`: those of some tensors that receive a gradient when it is let through the
operations `tried` as well as those `opened`, with its norm where it is known; None when that cannot be tested."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Operations of one kind on one line through which no gradient passes, and what is behind them.

    Attributes:
        position: the operation to look at.
        op: the operation at `position`.
        others: positions of further operations that cut the other paths of the same victims.
        later: positions of operations on the way from here to the loss that cut it as well.
        inputs: float inputs that receive a gradient when it is let through here, and through what comes later.
        variables: trainable variables that do.
        makes_discrete: the operation turns floats into integers, booleans or strings.
        local: why nothing passes.
        is_measured: an experiment has let the gradient through, and the victims have received one.
        is_doubtful: an experiment has let the gradient through, and the victims have received none.
        norm: largest norm of the gradients of the victims; None where it is not known.
        elements: of the victims, how many have a gradient, how many would have one, and all; None where none has.
    """

    position: int
    op: OpRecord
    others: tuple[int, ...]
    later: tuple[int, ...]
    inputs: tuple[str, ...]
    variables: tuple[VariableRecord, ...]
    makes_discrete: bool
    local: Local
    is_measured: bool = False
    is_doubtful: bool = False
    norm: float | None = None
    elements: tuple[int, int, int] | None = None

    @property
    def makes_ids(self) -> bool:
        """Whether the operation makes whole numbers of inputs alone, as in front of an embedding."""
        return self.makes_discrete and self.op.type == "Cast" and bool(self.inputs) and not self.variables


@dataclass(frozen=True, slots=True)
class DerivativeOnly:
    """A variable that the loss depends on only through a derivative that the model itself takes."""

    variable: VariableRecord


@dataclass(frozen=True, slots=True)
class _Victim:
    """An input or a variable without a gradient, and its tensor."""

    key: str | None
    variable: VariableRecord | None
    tensor: int


def cuts(flow: Flow, bridge: Bridge | None = None) -> tuple[Cut, ...]:
    """Where each input and variable that the loss depends on, but that has no gradient, loses it.

    From the loss backwards, the gradient is let through one operation after the other. What then receives one is
    the operation's victim; what still does not has a further cut on the same way. An operation without victims of
    its own is no cause: those are behind an earlier one.

    Args:
        flow: one run.
        bridge: the experiment; without it, the form of the graph says what would receive a gradient.
    """
    if flow.recording.loss.tensor is None:
        return ()
    found: list[Cut] = []
    dead = _victims(flow)
    if bridge is not None:
        more, dead = _from_the_loss(flow, bridge, dead)
        found += [replace(cut, is_measured=True) for cut in more]
    # What no experiment brings to life is left to the form of the graph.
    more, dead = _from_the_loss(flow, _by_form(flow), dead)
    found += [replace(cut, is_doubtful=bridge is not None) for cut in more]
    found += [
        _cut(flow, primary(flow, makers, [makers]), makers, (), members)
        for makers, members in joined([(_untracked(flow, victim.tensor), victim) for victim in dead])
        if makers
    ]
    return tuple(sorted(_detours_as_one(found), key=lambda cut: cut.position))


def _detours_as_one(found: list[Cut]) -> Iterator[Cut]:
    """The cuts, with those on the line of a detour as a part of it: `predict` makes a dataset before it runs."""
    detours: dict[tuple[str | None, int | None], Cut]
    detours = {(cut.op.file, cut.op.line): cut for cut in found if has(cut.op.type, Trait.LEAVES) and cut.op.file}
    for cut in found:
        detour = detours.get((cut.op.file, cut.op.line))
        if detour is None or cut.position > detour.position:
            yield cut
        elif cut.position < detour.position:
            inputs, variables = detour.inputs + cut.inputs, detour.variables + cut.variables
            detours[cut.op.file, cut.op.line] = replace(detour, inputs=inputs, variables=variables)
    yield from detours.values()


def derivative_only(flow: Flow) -> tuple[DerivativeOnly, ...]:
    """Variables that only a derivative inside of the model depends on, as an energy's additive constant."""
    return tuple(
        DerivativeOnly(variable)
        for variable in flow.learners
        if variable.gradient.state is GradientState.ABSENT
        and variable.tensor in flow.behind_loss
        and variable.tensor not in flow.behind_loss_by_value
    )


def _victims(flow: Flow) -> list[_Victim]:
    found = [_Victim(r.key, None, r.tensor) for r in flow.float_inputs if r.tensor is not None and _is_lost(flow, r)]
    return found + [_Victim(None, v, v.tensor) for v in flow.learners if v.tensor is not None and _is_lost(flow, v)]


def _is_lost(flow: Flow, record: InputRecord | VariableRecord) -> bool:
    return record.gradient.state is GradientState.ABSENT and record.tensor in flow.behind_loss_by_value


def _from_the_loss(flow: Flow, bridge: Bridge, dead: list[_Victim]) -> tuple[list[Cut], list[_Victim]]:
    """The cuts that an experiment finds from the loss backwards, and the victims that it brings to life nowhere."""
    found: list[Cut] = []
    opened = frozenset[int]()
    idle: set[int] = set()  # opened, and without victims of their own
    while dead and (front := _front(flow, dead, opened)):
        frontiers: dict[int, frozenset[int]] = {}
        norms: dict[int, float | None] = {}
        for place in front:
            revived = bridge(opened, place, [victim.tensor for victim in dead]) or {}
            idle |= place if not revived else set()
            for tensor, norm in revived.items():
                frontiers[tensor] = frontiers.get(tensor, frozenset()) | place
                norms[tensor] = norm
        for positions, members in joined([(frontiers[v.tensor], v) for v in dead if v.tensor in frontiers]):
            behind = flow.descendants(t for p in positions for t in flow.op(p).outputs)
            # What had to be opened before; what is tried beside it stops other ways alone.
            later = [p for p in sorted(idle & opened) if behind & set(flow.op(p).inputs)]
            # Who writes stop_gradient means it: what comes before is stopped on purpose.
            stops = [p for p in later if has(flow.op(p).type, Trait.STOPS)]
            # A loss that asks whether floats are equal is a metric, whatever was rounded for its sake.
            counts = [p for p in later if has(flow.op(p).type, Trait.COMPARES) and flow.op(p).region is Region.LOSS]
            first = primary(flow, positions, [frontiers[v.tensor] for v in members])
            cause = next(iter((*stops, *counts)), first)
            measured = [norm for v in members if (norm := norms[v.tensor]) is not None]
            found.append(_cut(flow, cause, positions, later, members, max(measured, default=None)))
        opened = opened.union(*front)
        dead = [victim for victim in dead if victim.tensor not in frontiers]
    return found, dead


def _front(flow: Flow, dead: Collection[_Victim], opened: frozenset[int]) -> list[frozenset[int]]:
    """The cuts nearest to the loss on the ways of some victims, those of one kind on one line together."""
    loss = flow.recording.loss.tensor
    live = flow.ancestors([] if loss is None else [loss], lambda op, operand: _passes(flow, op, operand, opened))
    places: dict[tuple[object, ...], set[int]] = {}
    for tensor in flow.descendants([victim.tensor for victim in dead]) & flow.behind_loss_by_value:
        for position, operand in flow.consumers[tensor]:
            culprit = culprit_of(flow, position, operand) if _leads_on(flow, position) else None
            if culprit is not None and culprit not in opened and live & set(flow.op(culprit).outputs):
                op = flow.op(culprit)
                places.setdefault((op.type, op.layer, op.file, op.line), set()).add(culprit)
    return [frozenset(positions) for positions in places.values()]


def _by_form(flow: Flow) -> Bridge:
    """What would receive a gradient, by the form of the graph alone."""

    def bridge(opened: frozenset[int], tried: frozenset[int], victims: Collection[int]) -> Mapping[int, float | None]:
        open_way = flow.ancestors(
            (index for position in tried for index in flow.op(position).inputs),
            lambda op, operand: _leads_on(flow, op) and _passes(flow, op, operand, opened | tried),
        )
        return {tensor: None for tensor in victims if tensor in open_way}

    return bridge


def _passes(flow: Flow, position: int, operand: int, opened: frozenset[int]) -> bool:
    """Whether a gradient passes through an operation, when it is let through some.

    Integers are followed as if they could carry one, since the cut is where they are made.
    """
    culprit = culprit_of(flow, position, operand)
    return culprit is None or culprit in opened


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


def _is_discrete(flow: Flow, tensor: int) -> bool:
    dtype = flow.tensor(tensor).dtype
    return not is_float(dtype) and dtype not in OPAQUE


def culprit_of(flow: Flow, position: int, operand: int) -> int | None:
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


def primary(flow: Flow, positions: frozenset[int], frontiers: Collection[frozenset[int]]) -> int:
    """The operation of a group to name.

    The one that brings most victims to life; among equals one before the model's outputs (an added loss comes
    second), then one that keeps floats (a mask beside it is rarely the fault), then the first on the user's line.
    """
    before_outputs = flow.ancestors(output.tensor for output in flow.recording.outputs)

    def weight(position: int) -> tuple[int, bool, bool, bool, int]:
        op = flow.op(position)
        leads_out = any(index in before_outputs for index in op.outputs)
        keeps_floats = any(is_float(flow.tensor(index).dtype) for index in op.outputs)
        count = sum(position in frontier for frontier in frontiers)
        return count, leads_out, keeps_floats, op.file is not None, -position

    return max(positions, key=weight)


def cut_of(
    flow: Flow,
    position: int,
    positions: frozenset[int],
    later: Collection[int],
    keys: Sequence[str],
    variables: Sequence[VariableRecord],
    norm: float | None = None,
) -> Cut:
    """The cut at `position`, one of the operations at `positions`, that these inputs and variables are behind."""
    op = flow.op(position)
    dtypes = [flow.tensor(index).dtype for index in op.outputs]
    return Cut(
        position,
        op,
        tuple(sorted(positions - {position})),
        tuple(other for other in later if other != position),
        tuple(keys),
        tuple(variables),
        bool(dtypes) and not any(is_float(dtype) or dtype in OPAQUE for dtype in dtypes),
        next((local for local in op.local if local in _DEAF), Local.NONE),
        norm=norm,
    )


def _cut(
    flow: Flow,
    position: int,
    positions: frozenset[int],
    later: Collection[int],
    members: list[_Victim],
    norm: float | None = None,
) -> Cut:
    keys = [victim.key for victim in members if victim.key is not None]
    variables = [victim.variable for victim in members if victim.variable is not None]
    return cut_of(flow, position, positions, later, keys, variables, norm)
