"""Everything the rules may ask about a training step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gradlint.flow import LOSS
from gradlint.operations import Trait, has
from gradlint.passes.crossings import Crossing, crossings
from gradlint.passes.cuts import cut_of
from gradlint.passes.left_out import LeftOutTerm, left_out_terms
from gradlint.passes.repeats import Repeated, repeated
from gradlint.passes.terms import terms_before
from gradlint.passes.unseen import Reason, Unseen, reason_of, unseen
from gradlint.passes.updates import (
    Discarded,
    Hidden,
    Mispaired,
    Unmoved,
    Unused,
    discarded,
    hidden,
    mispaired,
    unmoved,
    unused,
)
from gradlint.passes.uphill import Uphill, uphill
from gradlint.record.terms import Region
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx

    from gradlint.flow import Flow
    from gradlint.passes.cuts import Cut
    from gradlint.passes.drops import Drop
    from gradlint.passes.labels import Broadcast
    from gradlint.record.step_record import StepRecord


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What is known about a training step, beside its flow.

    Attributes:
        record: what it did.
        unseen: gradients that its tapes do not give, with the reason.
        late: terms of what a tape is asked about that were computed before it was opened, beside others that were not.
        cuts: positions at which the step itself, and no model, keeps gradients from passing, with the reason.
        drops: what a call asks for that the step only assigns to another variable, as in a moving average, or that
            nothing reads where the target is a constant: the call is what to look at.
    """

    record: StepRecord
    unseen: tuple[Unseen, ...] = ()
    mispaired: tuple[Mispaired, ...] = ()
    unused: tuple[Unused, ...] = ()
    discarded: tuple[Discarded, ...] = ()
    unmoved: tuple[Unmoved, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    uphill: tuple[Uphill, ...] = ()
    left_out: tuple[LeftOutTerm, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    crossings: tuple[Crossing, ...] = ()
    late: tuple[Unseen, ...] = ()
    cuts: dict[int, Reason] = field(default_factory=dict)
    drops: tuple[Drop, ...] = ()

    def because(self, reason: Reason) -> tuple[Unseen, ...]:
        """What is missing for one reason."""
        return tuple(entry for entry in self.unseen if entry.reason is reason)


def forward_graph(flow: Flow, step: StepRecord) -> nx.DiGraph[object]:
    """The graph of a step without what only its backward passes and its optimizers compute.

    A derivative that a loss is made of (a penalty on gradients) stays.
    """
    import networkx as nx

    graph = flow.graph
    ends = {("op", position) for call in step.calls for target in call.targets for position in flow.producers(target)}
    ends = {end for end in (*ends, LOSS) if end in graph}
    kept = ends.union(*(nx.ancestors(graph, end) for end in ends))
    first = min((call.first for call in step.calls), default=len(flow.recording.ops))
    beyond = [("op", position) for position in range(first, len(flow.recording.ops)) if ("op", position) not in kept]
    shown = graph.copy()
    shown.remove_nodes_from(beyond)
    return shown


def unseen_by_all(step: StepRecord) -> frozenset[str]:
    """Paths of variables that calls ask for, and that none has a gradient of, whatever a tape over all would give."""
    asked = [source for call in step.calls for source in call.sources if source.variable]
    missing = {source.variable for source in asked if source.gradient.state is GradientState.ABSENT}
    return frozenset(missing - {s.variable for s in asked if s.gradient.state is not GradientState.ABSENT})


_OF_THE_MODEL = (Reason.CUT, Reason.STOPPED, Reason.PYTHON_FUNCTION)
_OF_THE_STEP = (Reason.PREDICT, Reason.PYTHON, Reason.ASSIGN, Reason.DISCRETE)


def step_facts(
    flow: Flow, step: StepRecord, cuts: Sequence[Cut], drops: Sequence[Drop], broadcasts: Sequence[Broadcast]
) -> StepFacts:
    """Run the passes about tapes and updates.

    Args:
        flow: of the step.
        step: what it did.
        cuts: of the flow, which rules about models report. Those are not reported again.
        drops: of the flow; nor are these,
        broadcasts: nor these.
    """
    found = unseen(flow, step)
    at_step = {
        cut.position: reason_of(flow, step, cut.position)
        for cut in cuts
        if flow.op(cut.position).region is Region.LOSS and reason_of(flow, step, cut.position) in _OF_THE_STEP
    }
    known = {
        path for cut in cuts for variable in cut.variables for path in [variable.path] if cut.position not in at_step
    }
    asked = {source.variable for call in step.calls for source in call.sources}
    of_constants = {path for entry in found if entry.reason is Reason.CONSTANT for path in entry.variables}
    told_by_call = tuple(
        drop
        for drop in drops
        if (_is_copied(flow, drop) and asked.issuperset(v.path for v in drop.variables))
        or (drop.op is None and drop.variables and of_constants.issuperset(v.path for v in drop.variables))
    )
    lost = {variable.path for drop in drops if drop not in told_by_call for variable in drop.variables}
    kept = []
    of_cuts = {cut.position for cut in cuts if cut.position not in at_step}
    for entry in found:
        if entry.reason is Reason.UNREGISTERED and entry.position in of_cuts:
            continue
        covered = known if entry.reason in (*_OF_THE_MODEL, *_OF_THE_STEP) else set[str]()
        if entry.reason in (Reason.UNRELATED, Reason.CONSTANT):
            covered = lost | known
        sources = tuple(s for s in entry.sources if not (s.variable and s.variable in covered))
        if sources:
            kept.append(replace(entry, sources=sources))
    return StepFacts(
        record=step,
        unseen=tuple(kept),
        mispaired=mispaired(flow, step),
        unused=unused(flow, step),
        discarded=discarded(flow, step),
        unmoved=unmoved(flow, step),
        repeated=repeated(flow, step),
        uphill=uphill(flow, step),
        left_out=tuple(left_out_terms(flow, step)),
        hidden=hidden(flow, step),
        late=tuple(terms_before(flow, step)),
        crossings=crossings(flow, step, [broadcast.position for broadcast in broadcasts]),
        cuts=at_step,
        drops=told_by_call,
    )


def at_the_asking(flow: Flow, step: StepRecord, cut: Cut) -> Cut:
    """A cut of several operations, at the first of them on the way to what is differentiated by its variables.

    A step asks several losses, and each of them for some variables: a value that leaves TensorFlow on the way to
    another loss, as the images of a generator for the turn of the discriminator, loses nothing.
    """
    paths = {variable.path for variable in cut.variables}
    wanted = {t for call in step.calls if paths & {s.variable for s in call.sources} for t in call.targets}
    behind = flow.ancestors(wanted, flow.reads)
    positions = frozenset((cut.position, *cut.others))
    leading = [position for position in sorted(positions) if not behind.isdisjoint(flow.op(position).outputs)]
    if not leading or cut.position in leading:
        return cut
    found = cut_of(flow, leading[0], positions, cut.later, cut.inputs, cut.variables, cut.norm)
    return replace(found, is_measured=cut.is_measured, is_doubtful=cut.is_doubtful, elements=cut.elements)


def _is_copied(flow: Flow, drop: Drop) -> bool:
    """Whether the step itself, and no layer, assigns what is made of some variables to another one."""
    return drop.op is not None and has(drop.op.type, Trait.ASSIGNS) and flow.op(drop.position).region is Region.LOSS
