"""The closer look: a case is run, and run again where the first run is suspicious and a rule asks for more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.errors import GradlintError, UsageError, alike
from gradlint.flow import Flow
from gradlint.passes.blocks import blocks, blocks_by_form
from gradlint.passes.derivatives import zero_derivatives
from gradlint.passes.drops import DropKind, drops
from gradlint.passes.facts import NO_DOUBTS, NO_EXPERIMENTS, Doubts, facts_of
from gradlint.passes.mixing import may_mix_samples
from gradlint.passes.partial import unused_slices
from gradlint.passes.reasons import Why
from gradlint.passes.starting import update_ratio
from gradlint.passes.stops import lost
from gradlint.record.terms import is_float
from gradlint.result import GradientState
from gradlint.rule import Need

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gradlint.checking.ways import Ready
    from gradlint.experiments.laboratory import Laboratory
    from gradlint.experiments.trial import Trial
    from gradlint.experiments.vary import Draws
    from gradlint.load.spec import ModelSpec
    from gradlint.options import Options
    from gradlint.passes.drops import Drop
    from gradlint.passes.facts import Facts
    from gradlint.passes.otherdata import OtherData
    from gradlint.passes.partial import Unused
    from gradlint.record.runner import Runner
    from gradlint.record.subject import Probe
    from gradlint.thresholds import Thresholds

# Finite differences are taken for at most this many variables: one cause has many victims, and one tells.
_MOST_CONTRADICTED = 4


def examined(ready: Ready, needs: frozenset[Need], options: Options) -> Facts:
    """All that the rules may ask about a case, from as few runs as they need.

    Args:
        ready: what is run.
        needs: what the chosen rules need.
        options: how to check.

    Raises:
        ModelRunError: the model's own code failed.
        UsageError: `causal` names what is not there.
    """
    if options.is_symbolic:
        return _on_symbols(ready, needs, options)
    from gradlint.experiments.laboratory import Laboratory
    from gradlint.record.runner import Runner

    runner, paper = Runner(ready.subject), ready.case.paper
    laboratory = Laboratory(runner)
    options.report("recording one training step")
    flow = Flow(runner.record(), options.bounds)
    if flow.recording.failure is not None:
        return facts_of(flow, paper)
    doubts = _doubts(runner, laboratory, flow, needs, options)
    first = drops(flow) if Need.RETURNS in needs else ()
    returns = Flow(runner.record(trace_returns=True), options.bounds) if _are_dropped(first, options) else None
    unread = [drop for drop in first if drop.kind in (DropKind.UNREAD, DropKind.UNREAD_LAYER) and not drop.is_by_design]
    in_branches: frozenset[str] = runner.traced_reads() if unread else frozenset()
    if (unread or flow.recording.idle) and Need.EXPERIMENTS in needs and laboratory.draws_layers():
        in_branches |= {variable.path for drop in unread for variable in drop.variables}
        flow = replace(flow, recording=replace(flow.recording, idle=()))
    flow = _with_scaled_inputs(laboratory, flow, paper.spec, needs, options)
    flow = with_leaks(laboratory, flow, paper.spec, needs, options)
    experiments = laboratory.experiments(flow.recording) if Need.EXPERIMENTS in needs else NO_EXPERIMENTS
    return facts_of(flow, paper, doubts, experiments, returns=returns, in_branches=in_branches)


def _on_symbols(ready: Ready, needs: frozenset[Need], options: Options) -> Facts:
    """Run the model without a single value: nothing can be perturbed."""
    from gradlint.record.symbolic import record_symbols

    options.report("recording one training step on symbols")
    subject, is_live = ready.subject, ready.is_live
    flow = Flow(record_symbols(subject, is_live=is_live), options.bounds)
    first = drops(flow) if flow.recording.failure is None and Need.RETURNS in needs else ()
    returns = None
    if _are_dropped(first, options):
        returns = Flow(record_symbols(subject, is_live=is_live, trace_returns=True), options.bounds)
    return replace(facts_of(flow, ready.case.paper, returns=returns), blocks=blocks_by_form(flow))


def _are_dropped(first: Iterable[Drop], options: Options) -> bool:
    """Whether values are dropped: a run that takes down from which lines layers return says where."""
    found = any(drop.kind is DropKind.DROPPED for drop in first)
    if found:
        options.report("locating dropped values")
    return found


def _doubts(runner: Runner, laboratory: Laboratory, flow: Flow, needs: frozenset[Need], options: Options) -> Doubts:
    if Need.PROBES not in needs:
        return NO_DOUBTS
    from gradlint.record import subject  # it needs NumPy, which reading source does without

    is_tested = Need.EXPERIMENTS in needs
    zero = lost(flow)
    found = healed_of(laboratory, flow, zero) if zero and is_tested else Healed()
    healed, trial = found.names, found.trial
    zero = {victim for victim in zero if victim[1] not in healed}
    unread = unused_slices(flow, ())
    probes: tuple[Flow, ...] = ()
    lying: frozenset[str] = frozenset()
    draws = laboratory.draws(flow.recording)
    is_suspicious = zero or unread or zero_derivatives(flow, ())
    if is_suspicious or any(variable.units_equal for variable in flow.learners):
        options.report("probing perturbed samples")
        trial = trial or laboratory.after_updates(frozenset())
        runs = (
            _probe(runner, subject.Probe(number, True, trial.steps), options.bounds) for number in range(options.probes)
        )
        probes = tuple(run for run in runs if run is not None)
        if is_tested:
            lying, by_chance = told_apart(laboratory, draws, zero, probes)
            healed |= by_chance
    unused = unused_slices(flow, probes) if unread and is_tested else ()
    unused = never_read(unused, draws, laboratory.matters)
    return Doubts(probes, lying, unused, healed, found.filled, trial.updates if trial is not None else 0)


def told_apart(
    laboratory: Laboratory, draws: Draws, zero: set[tuple[str, str]], probes: Iterable[Flow]
) -> tuple[frozenset[str], frozenset[str]]:
    """Of what has a gradient of zero: with what the loss moves all the same, and what has one with another seed.

    Args:
        laboratory: of the subject.
        draws: with other seeds.
        zero: kinds and names.
        probes: runs on perturbed samples.
    """
    still = [lost(probe) for probe in probes]
    revived = {victim for victim in zero if any(victim not in found for found in still)}
    lying = laboratory.contradicted(
        [name for kind, name in sorted(revived) if kind == "input"],
        [name for kind, name in sorted(revived) if kind == "variable"][:_MOST_CONTRADICTED],
    )
    return lying, draws.revived(frozenset(name for _, name in zero - revived))


def never_read(
    unused: Iterable[Unused], draws: Draws, matters: Callable[[str, int, Sequence[int]], bool]
) -> tuple[Unused, ...]:
    """Those slices of inputs without a gradient that no draw reads, and that the loss does not depend on."""
    pieces = (replace(piece, slices=draws.unread(piece.key, piece.axis, piece.slices)) for piece in unused)
    return tuple(piece for piece in pieces if piece.slices and not matters(piece.key, piece.axis, piece.slices))


@dataclass(frozen=True, slots=True)
class Healed:
    """Zeros that are none for long.

    Attributes:
        names: keys and paths that get a gradient once the loss is scaled, empty inputs are filled, or after updates.
        filled: the run with filled inputs.
        trial: the updates.
    """

    names: frozenset[str] = frozenset()
    filled: OtherData | None = None
    trial: Trial | None = None


def healed_of(laboratory: Laboratory, flow: Flow, zero: set[tuple[str, str]]) -> Healed:
    """Which of the keys and paths without a gradient, named by kind and name, only seem to lack it."""
    names: frozenset[str] = frozenset()
    is_half = any(tensor.dtype == "float16" for tensor in flow.recording.tensors)
    if is_half and flow.recording.loss.kind == "compiled":
        names = laboratory.alive_when_scaled()
    filled = laboratory.filled(flow.recording)
    if filled is not None:
        norms = {r.key: r.gradient.norm for r in flow.float_inputs} | {v.path: v.gradient.norm for v in flow.learners}
        names |= {name for _, name in zero if filled.revives(name, norms[name])}
    # What is rounded away may come and go with every update.
    settled = names | (_underflowing(flow, names) if is_half else frozenset())
    trial = laboratory.after_updates(_exactly_zero(flow) - settled)
    return Healed(names | trial.alive, filled, trial)


def _underflowing(flow: Flow, healed: frozenset[str]) -> frozenset[str]:
    """Keys and paths whose gradient half precision has rounded to zero."""
    rounded = [block for block in blocks(flow, (), frozenset(), healed) if block.why is Why.UNDERFLOW]
    return frozenset(key for block in rounded for key in (*block.inputs, *(v.path for v in block.variables)))


def _exactly_zero(flow: Flow) -> frozenset[str]:
    """Keys and paths whose gradient is zero, and no tiny one."""
    named = [(r.key, r.gradient) for r in flow.float_inputs] + [(v.path, v.gradient) for v in flow.learners]
    return frozenset(name for name, gradient in named if gradient.state is GradientState.ZERO)


def _probe(runner: Runner, probe: Probe, thresholds: Thresholds) -> Flow | None:
    """A run on a perturbed sample; on the sample itself where the model does not take the perturbed one."""
    for perturb_inputs in (True, False):
        try:
            recording = runner.record(probe=replace(probe, perturb_inputs=perturb_inputs))
        except GradlintError:
            continue
        if recording.failure is None:
            return Flow(recording, thresholds)
    return None


def _with_scaled_inputs(
    laboratory: Laboratory, flow: Flow, spec: ModelSpec | None, needs: frozenset[Need], options: Options
) -> Flow:
    """The flow, with the first step on scaled inputs where its loss or its update is too large, and the loss then."""
    start = flow.recording.start
    if start is None or Need.EXPERIMENTS not in needs:
        return flow
    high = any(target.starts_above(options.bounds.initial_loss) for target in start.targets)
    if not high and update_ratio(start.updates) <= options.bounds.first_update:
        return flow
    options.report("scaling the inputs")
    declared = {entry.key: entry.dtype for entry in (spec.inputs or () if spec is not None else ())}
    # What the model takes as floats, whatever the sample holds.
    floats = [r.key for r in flow.recording.inputs if is_float(declared.get(r.key) or r.dtype)]
    start = laboratory.with_scaled_inputs(start, floats)
    if update_ratio(start.updates) > options.bounds.first_update:
        start = replace(start, updated_loss=laboratory.loss_after_update())
    return replace(flow, recording=replace(flow.recording, start=start))


def with_leaks(
    laboratory: Laboratory, flow: Flow, spec: ModelSpec | None, needs: frozenset[Need], options: Options
) -> Flow:
    """The flow, with what leaks between samples and from the future."""
    sound = not any(record.gradient.state is GradientState.NONFINITE for record in flow.recording.inputs)
    leak, future = flow.recording.leak, flow.recording.future_leaks
    # Every NaN would look like a leak.
    if Need.LEAKS in needs and sound and may_mix_samples(flow, spec):
        options.report("looking for leaks between samples")
        leak = laboratory.leak_between_samples()
    axes = _causal_axes(flow, options)
    asked_by = laboratory.repeated_ahead() if Need.FUTURE_LEAKS in needs and not axes else {}
    axes = axes or tuple((key, 1) for key in asked_by)
    if Need.FUTURE_LEAKS in needs and axes:
        options.report("looking for leaks from the future")
        found = [(laboratory.leak_from_later_steps(key, axis), asked_by.get(key, "")) for key, axis in axes]
        future = tuple(replace(leak, asked_by=labels) for leak, labels in found if leak is not None)
    if leak is flow.recording.leak and future is flow.recording.future_leaks:
        return flow  # a copy would forget what it has worked out
    return replace(flow, recording=replace(flow.recording, leak=leak, future_leaks=future))


def _causal_axes(flow: Flow, options: Options) -> tuple[tuple[str, int], ...]:
    shapes = {record.key: record.shape for record in flow.recording.inputs}
    for key, axis in options.causal_axes:
        if key not in shapes:
            hint = alike(key, shapes, repr)
            raise UsageError(f"--causal names {key!r}; the inputs are {', '.join(map(repr, shapes))}{hint}")
        if not 0 < axis < len(shapes[key]):
            raise UsageError(
                f"--causal {key}:{axis}: {key!r} has the shape {shapes[key]}; name an axis after the first"
            )
    return options.causal_axes
