"""Everything the rules may ask: the sum of all passes over one check."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gradlint.passes.blame import blamed
from gradlint.passes.blocks import Block, blocks
from gradlint.passes.cancelling import at_their_difference
from gradlint.passes.cuts import Bridge, Cut, DerivativeOnly, cuts, derivative_only
from gradlint.passes.derivatives import ZeroDerivative, zero_derivatives
from gradlint.passes.drops import Drop, drops
from gradlint.passes.elements import Elements, starved
from gradlint.passes.factors import Alone, with_partners
from gradlint.passes.heads import Unsquashed, unsquashed
from gradlint.passes.labels import Broadcast, broadcasts
from gradlint.passes.levelling import levelling
from gradlint.passes.nonfinite import Birth, births
from gradlint.passes.omissions import Omitted, excused, omitted
from gradlint.passes.rounding import Rounding, rounded
from gradlint.passes.scale import Trend, trend
from gradlint.passes.stops import lost
from gradlint.passes.terms import idle_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gradlint.flow import Flow
    from gradlint.load.binding import Binding
    from gradlint.load.spec import ArraySpec, InputSpec, ModelSpec
    from gradlint.passes.otherdata import Neutral, OtherData
    from gradlint.passes.partial import Unused
    from gradlint.passes.steps import StepFacts
    from gradlint.record.recording import Recording, VariableRecord


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about a model and its sample. The fields after `binding` are empty before the model ran.

    Attributes:
        spec: the model on paper.
        arrays: the sample's arrays on paper.
        binding: which array feeds which input.
        flow: the run as a graph; None when preflight ended the check.
        lying: keys and paths whose gradient is zero in the sample although the loss moves with them.
        terms: cuts of a whole term of the loss, whose variables learn from other terms.
        blind: keys of arrays whose rows may change places without a change of the loss.
        levelled: positions of the operations that make all values of such an input equal, by its key.
    """

    spec: ModelSpec | None = None
    arrays: tuple[ArraySpec, ...] = ()
    binding: Binding | None = None
    flow: Flow | None = None
    probes: tuple[Flow, ...] = ()
    drops: tuple[Drop, ...] = ()
    cuts: tuple[Cut, ...] = ()
    terms: tuple[Cut, ...] = ()
    derivative_only: tuple[DerivativeOnly, ...] = ()
    zero_derivatives: tuple[ZeroDerivative, ...] = ()
    omitted: tuple[Omitted, ...] = ()
    blocks: tuple[Block, ...] = ()
    births: tuple[Birth, ...] = ()
    unsquashed: Unsquashed | None = None
    """The output of which the loss takes the logarithm, where a sigmoid behind it makes the loss a number."""
    broadcasts: tuple[Broadcast, ...] = ()
    unused: tuple[Unused, ...] = ()
    trend: Trend | None = None
    lying: frozenset[str] = frozenset()
    blind: frozenset[str] = frozenset()
    levelled: Mapping[str, int] = field(default_factory=dict)
    filled: OtherData | None = None
    """A run in which the inputs that hold zeros alone were random; None where none does, or nothing was zero."""
    updates: int = 0
    """After how many updates what is zero was looked at again; they were taken back."""
    finite_scale: float | None = None
    """The loss scale of the compiled optimizer at which gradients that are not finite are; None where none helps."""
    step: StepFacts | None = None
    """What a training step of the user's own did; None where none was observed."""

    @property
    def starved(self) -> tuple[VariableRecord, ...]:
        """Trainable variables without a usable gradient, which have one once the empty inputs are filled."""
        if self.flow is None or self.filled is None:
            return ()
        zero = [v for v in self.flow.learners if ("variable", v.path) in lost(self.flow)]
        return tuple(v for v in zero if self.filled.revives(v.path, v.gradient.norm))

    @property
    def recording(self) -> Recording | None:
        return self.flow.recording if self.flow is not None else None


def fed(facts: Facts) -> Iterator[tuple[InputSpec, ArraySpec]]:
    """Yields every input that declares what it takes, with the array of the sample that goes to it."""
    if facts.spec is None or facts.binding is None:
        return
    arrays = {array.key: array for array in facts.arrays}
    inputs = {entry.key: entry for entry in facts.spec.inputs or ()}
    for input_key, key in facts.binding.inputs:
        entry, array = inputs.get(input_key), arrays.get(key)
        if entry is not None and array is not None and entry.declared:
            yield entry, array


@dataclass(frozen=True, slots=True)
class Doubts:
    """What further runs say about zeros.

    Attributes:
        probes: runs on perturbed samples.
        lying: keys and paths whose gradient is zero although the loss moves with them.
        unused: slices of inputs that no gradient reaches and the loss does not depend on.
        healed: keys and paths that get a gradient once the loss is scaled as the compiled optimizer does, once
            empty inputs are filled, after a few updates, or with another seed: they are not reported.
        filled: the run in which they were.
        updates: how many were tried.
    """

    probes: tuple[Flow, ...] = ()
    lying: frozenset[str] = frozenset()
    unused: tuple[Unused, ...] = ()
    healed: frozenset[str] = frozenset()
    filled: OtherData | None = None
    updates: int = 0


@dataclass(frozen=True, slots=True)
class Experiments:
    """What can be tried on the model itself; None where it cannot.

    Attributes:
        bridge: lets the gradient through operations that stop it.
        neutral: replaces arrays of the sample by random ones.
        alone: gives variables random values, one at a time.
        is_blind: whether the rows of an array may change places without a change of the loss.
        finite_with_probabilities: whether the loss is a number once a sigmoid stands behind the outputs.
        finite_scale: the loss scale at which the compiled optimizer lets no gradient overflow; None where none helps.
        rounding: the tensors whose gradient is rounding alone.
        elements: of how many elements of a variable there is a gradient.
    """

    bridge: Bridge | None = None
    neutral: Neutral | None = None
    alone: Alone | None = None
    is_blind: Callable[[str], bool] | None = None
    finite_with_probabilities: Callable[[], bool] | None = None
    finite_scale: Callable[[], float | None] | None = None
    rounding: Rounding | None = None
    elements: Elements | None = None


NO_DOUBTS, NO_EXPERIMENTS = Doubts(), Experiments()


def facts_of(
    flow: Flow,
    paper: Facts,
    doubts: Doubts = NO_DOUBTS,
    experiments: Experiments = NO_EXPERIMENTS,
    *,
    returns: Flow | None = None,
    in_branches: frozenset[str] = frozenset(),
) -> Facts:
    """Run every pass over a flow.

    Args:
        flow: the sample's own run.
        paper: what was known before the model ran.
        doubts: what further runs say about zeros.
        experiments: what can be tried.
        returns: the sample's run again, with the lines from which layers returned.
        in_branches: paths of variables read only in branches that the sample does not enter.
    """
    met = broadcasts(flow)
    found = tuple(at_their_difference(flow, blocks(flow, doubts.probes, doubts.lying, doubts.healed)))
    if experiments.neutral is not None:
        found = tuple(sorted(blamed(flow, found, experiments.neutral), key=lambda block: block.position))
    if experiments.alone is not None:
        found = tuple(with_partners(found, experiments.alone))
    if experiments.rounding is not None:
        found = tuple(sorted((*found, *rounded(flow, experiments.rounding)), key=lambda block: block.position))
    born = births(flow)
    forward = [birth.position for birth in born if not birth.backward and birth.op is not None]
    # What divides by infinity gives zeros back: that is told where the infinity is born.
    ill = flow.descendants(tensor for position in forward for tensor in flow.op(position).outputs)
    found = tuple(block for block in found if ill.isdisjoint(block.op.inputs))
    end = next((end for position in forward if (end := unsquashed(flow, position)) is not None), None)
    has_number = experiments.finite_with_probabilities
    is_meant = end is not None and has_number is not None and has_number()
    scale = experiments.finite_scale if any(birth.backward for birth in born) else None
    stops = cuts(flow, experiments.bridge)
    if experiments.elements is not None:
        stops = tuple(sorted((*stops, *starved(flow, experiments.elements)), key=lambda cut: cut.position))
    # Where zeros come of it that stop gradients, that is told.
    level = {key: at for key, at in levelling(flow).items() if all(block.position != at for block in found)}
    keys = {broadcast.key for broadcast in met} | {key for cut in stops if cut.makes_ids for key in cut.inputs}
    blind = frozenset(filter(experiments.is_blind, keys | level.keys()) if experiments.is_blind is not None else ())
    return replace(
        paper,
        flow=flow,
        probes=doubts.probes,
        drops=excused(flow, drops(flow, returns, in_branches)),
        cuts=stops,
        terms=tuple(idle_terms(flow)),
        derivative_only=derivative_only(flow),
        zero_derivatives=zero_derivatives(flow, doubts.probes),
        omitted=omitted(flow),
        blocks=found,
        births=born,
        finite_scale=scale() if scale is not None else None,
        unsquashed=end if is_meant else None,
        broadcasts=met,
        unused=doubts.unused,
        trend=trend(flow),
        lying=doubts.lying,
        filled=doubts.filled,
        updates=doubts.updates,
        blind=blind,
        levelled={key: position for key, position in level.items() if key in blind},
    )
