"""Blocks: where a gradient arrives and exactly nothing, or next to nothing, goes on, with what is behind."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.passes.reasons import Why, normalized_single, why_by_form, why_of, zero_factor
from gradlint.passes.slicing import slicer_after_joining
from gradlint.passes.stops import lost, sources_behind, stopping
from gradlint.record.terms import Region
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gradlint.flow import Flow
    from gradlint.passes.otherdata import OtherData
    from gradlint.record.recording import OpRecord, VariableRecord

# Relative slope by finite differences from which a registered gradient of zero counts as wrong.
_WRONG_SLOPE = 1e-2


@dataclass(frozen=True, slots=True)
class Block:
    """Operations of one kind in one place through which no gradient passes, and what is behind them.

    Attributes:
        position: the last of the operations in forward order.
        op: the operation at `position`.
        why: the reason.
        inputs: float inputs without a usable gradient, in the sample and in every probe.
        variables: trainable variables without one.
        keys: input keys of any dtype whose every path is blocked.
        in_loss: the operation belongs to the loss.
        is_flat_loss: the loss itself is flat for this sample, as a satisfied margin or a clipped ratio is.
        revived_by: the experiment with other data on which the victims have a usable gradient.
        is_tested: on no other data any of them has.
        mismatch: largest relative slope by finite differences where the gradient function says zero.
        share: share of elements that are zero (rectifier) or saturated.
        low: smallest value that goes in.
        high: largest value that goes in.
        factor: path of the zero variable for `ZERO_WEIGHT`.
        partners: other variables of zeros; with random values in any one of them, `factor` has a gradient.
    """

    position: int
    op: OpRecord
    why: Why
    inputs: tuple[str, ...]
    variables: tuple[VariableRecord, ...]
    keys: tuple[str, ...]
    in_loss: bool
    mismatch: float
    share: float | None
    low: float | None
    high: float | None
    factor: VariableRecord | None
    size: int
    is_flat_loss: bool
    revived_by: OtherData | None = None
    is_tested: bool = False
    partners: tuple[VariableRecord, ...] = ()

    @property
    def norms(self) -> Mapping[str, float | None]:
        """The norms of the victims' gradients, by key and path; None where it is not known."""
        return dict.fromkeys(self.inputs) | {v.path: v.gradient.norm for v in self.variables}

    def is_wrong(self, lying: frozenset[str]) -> bool:
        """Whether the loss moves with the victims although their gradient is zero.

        Args:
            lying: keys and paths for which finite differences of the loss contradict the zero.
        """
        victims = [*self.inputs, *(variable.path for variable in self.variables)]
        return self.mismatch > _WRONG_SLOPE or (bool(victims) and any(name in lying for name in victims))


def blocks(
    flow: Flow,
    probes: Sequence[Flow],
    lying: frozenset[str] = frozenset(),
    healed: frozenset[str] = frozenset(),
) -> tuple[Block, ...]:
    """Where the gradient becomes zero for good: in the sample's own run and in every probe.

    Args:
        flow: the sample's own run.
        probes: runs on perturbed samples, after one small step of every variable.
        lying: keys and paths whose zero gradient finite differences contradict: they count in any case.
        healed: keys and paths that get a gradient as the compiled optimizer takes it: they do not count.
    """
    if flow.recording.loss.tensor is None:
        return ()
    first = {victim for victim in lost(flow) if victim[1] not in healed}
    dead = set(first)
    for probe in probes:
        if probe.recording.failure is None:
            dead &= lost(probe)
    dead |= {victim for victim in first if victim[1] in lying}
    found: list[Block] = []
    hidden: list[tuple[list[int], set[tuple[str, str]]]] = []
    claimed: set[tuple[str, str]] = set()
    visited: tuple[set[int], set[int]] = (set(), set())
    # What the blocks nearest to the loss explain is not reported again further up.
    for why, positions in _grouped(flow, {position: why_of(flow, position) for position in stopping(flow)}):
        victims = sources_behind(flow, positions, visited) & dead - claimed
        if not victims:
            continue
        claimed |= victims
        if why is Why.ZERO_WEIGHT and _heals(zero_factor(flow, max(positions)), probes):
            hidden.append((positions, victims))
            continue
        found.append(_block(flow, positions, why, victims))
    if hidden:
        found.extend(_after_an_update(flow, probes[0], hidden))
    return tuple(sorted(_one_per_factor(found), key=lambda block: block.position))


def _heals(factor: VariableRecord | None, probes: Sequence[Flow]) -> bool:
    """Whether a variable of zeros is none any more after an update, in every probe."""
    after = [
        variable.values
        for probe in probes
        for variable in probe.recording.variables
        if factor is not None and variable.path == factor.path
    ]
    return bool(after) and all(values is not None and values.zeros < 1.0 for values in after)


def _after_an_update(
    flow: Flow, probe: Flow, hidden: Sequence[tuple[list[int], set[tuple[str, str]]]]
) -> Iterator[Block]:
    """What stops the gradient of victims that a kernel of zeros hid in the sample's own run.

    Args:
        flow: the sample's own run.
        probe: a run after an update.
        hidden: positions of products with a kernel of zeros, and what is behind them.
    """
    victims = {victim for _, behind in hidden for victim in behind}
    visited: tuple[set[int], set[int]] = (set(), set())
    for why, positions in _grouped(probe, {position: why_of(probe, position) for position in stopping(probe)}):
        behind = sources_behind(probe, positions, visited) & victims
        position = max(positions)
        # Both runs are of one model; where one took another branch, a position means something else.
        if behind and position < len(flow.recording.ops) and flow.op(position).type == probe.op(position).type:
            victims -= behind
            yield _block(probe, positions, why, behind)
    for positions, behind in hidden:
        if behind & victims:
            yield _block(flow, positions, Why.OTHER, behind & victims)


def _one_per_factor(found: Sequence[Block]) -> Iterator[Block]:
    """The blocks, those that the same kernel of zeros makes as one, at the first of their places."""
    merged: dict[str, Block] = {}
    for block in sorted(found, key=lambda block: block.position):
        if block.why is not Why.ZERO_WEIGHT or block.factor is None:
            yield block
            continue
        first = merged.get(block.factor.path)
        merged[block.factor.path] = block if first is None else with_victims([first, block])
    yield from merged.values()


def with_victims(found: Sequence[Block]) -> Block:
    """The first of some blocks, with the victims of all."""
    return replace(
        found[0],
        inputs=tuple(dict.fromkeys(key for block in found for key in block.inputs)),
        variables=tuple(dict.fromkeys(variable for block in found for variable in block.variables)),
        keys=tuple(dict.fromkeys(key for block in found for key in block.keys)),
    )


def blocks_by_form(flow: Flow) -> tuple[Block, ...]:
    """Where a gradient is zero whatever the values are, by the shapes and types of operations alone."""
    if flow.recording.loss.tensor is None:
        return ()
    stops = {
        position: why
        for position, op in enumerate(flow.recording.ops)
        if any(flow.state(index) is GradientState.PRESENT for index in op.outputs)
        and (why := why_by_form(flow, op)) is not None
    }
    open_way = flow.ancestors([flow.recording.loss.tensor], lambda op, operand: op not in stops)
    sources = [(r.tensor, r.gradient, ("input", r.key)) for r in flow.float_inputs]
    sources += [(v.tensor, v.gradient, ("variable", v.path)) for v in flow.learners]
    dead = {
        tensor: name
        for tensor, gradient, name in sources
        if tensor is not None and gradient.state is GradientState.PRESENT and tensor not in open_way
    }
    found = []
    for why, positions in _grouped(flow, stops):
        behind = flow.ancestors([index for position in positions for index in flow.op(position).inputs])
        victims = {dead.pop(tensor) for tensor in behind & dead.keys()}
        if victims:
            found.append(_block(flow, positions, why, victims))
    return tuple(sorted(found, key=lambda block: block.position))


def _grouped(flow: Flow, stops: Mapping[int, Why]) -> list[tuple[Why, list[int]]]:
    """Stops of one kind in one layer together, those nearest to the loss first, and penalties on weights last.

    The penalty on a weight of zeros is flat, whatever keeps the weight at zero.
    """
    groups: dict[tuple[str, str, Why], list[int]] = {}
    for position, why in stops.items():
        op = flow.op(position)
        groups.setdefault((op.layer, op.type, why), []).append(position)
    nearest = sorted(groups.items(), key=lambda item: (_is_penalty(flow, max(item[1])), -max(item[1])))
    return [(why, positions) for (_, _, why), positions in nearest]


def _is_penalty(flow: Flow, position: int) -> bool:
    """Whether an operation of the loss looks at weights alone."""
    op = flow.op(position)
    return op.region is Region.LOSS and not any(flow.keys_behind_tensor(index) for index in op.inputs)


def _block(flow: Flow, positions: Sequence[int], why: Why, victims: set[tuple[str, str]]) -> Block:
    position = max(positions)
    if why is Why.LEFT_OUT:
        position = slicer_after_joining(flow, position) or position
    if why is Why.SINGLE_ROW and (single := normalized_single(flow, position)) is not None:
        position = flow.consumers[single][0][0]
    op = flow.op(position)
    values = [flow.tensor(flow.op(p).inputs[0]).values for p in positions]
    outputs = [flow.tensor(flow.op(p).outputs[0]).values for p in positions]
    total = sum(v.size for v in outputs if v is not None)
    zeros = sum(v.zeros * v.size for v in outputs if v is not None)
    share = zeros / total if why is Why.RECTIFIER and total else None
    variables = tuple(v for v in flow.learners if ("variable", v.path) in victims)
    return Block(
        position,
        op,
        why,
        tuple(r.key for r in flow.float_inputs if ("input", r.key) in victims),
        variables,
        _blocked_keys(flow, victims),
        op.region is Region.LOSS,
        max((flow.op(p).mismatch or 0.0 for p in positions), default=0.0),
        share,
        min((v.minimum for v in values if v is not None), default=None),
        max((v.maximum for v in values if v is not None), default=None),
        zero_factor(flow, position),
        total,
        _is_flat_loss(flow, position),
    )


def _is_flat_loss(flow: Flow, position: int) -> bool:
    """Whether an operation of the loss compares the prediction with something else of the sample.

    A margin that is satisfied, or a ratio to labels that is clipped, gives zero for this sample and not for the
    next one. A prediction that is clipped by itself stays clipped.
    """
    op, loss = flow.op(position), flow.recording.loss
    if loss.value == 0.0 and loss.kind != "surrogate":
        return True
    if op.region is not Region.LOSS:
        return False
    behind = flow.ancestors(op.inputs)
    outputs = sum(output.tensor in behind for output in flow.recording.outputs)
    return outputs > 1 or any(label.tensor in behind for label in flow.recording.labels)


def _blocked_keys(flow: Flow, victims: set[tuple[str, str]]) -> tuple[str, ...]:
    """Input keys none of whose values reaches the loss through a tensor with a gradient."""
    found = []
    for record in flow.recording.inputs:
        if record.tensor is None or record.tensor not in flow.behind_loss:
            continue
        if ("input", record.key) in victims:
            found.append(record.key)
            continue
        if any(r.key == record.key for r in flow.float_inputs):
            continue
        # For ids: the embedding rows they select must receive a gradient.
        first = _first_floats(flow, record.tensor)
        if first and all(flow.state(index) is GradientState.ZERO for index in first):
            found.append(record.key)
    return tuple(found)


def _first_floats(flow: Flow, start: int) -> set[int]:
    """The first float tensors after an integer input that a trainable variable goes into."""
    found, seen, queue = set(), {start}, deque([start])
    while queue:
        for position, _ in flow.consumers[queue.popleft()]:
            op = flow.op(position)
            for output in op.outputs:
                if output in seen or output not in flow.behind_loss:
                    continue
                seen.add(output)
                if flow.state(output) in (GradientState.ZERO, GradientState.FINITE, GradientState.NONFINITE):
                    found.add(output)
                else:
                    queue.append(output)
    return found
