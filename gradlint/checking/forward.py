"""The forward pass of a model with a `train_step` of its own: its zeros and leaks are tested on `model(inputs)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.checking.looking import healed_of, never_read, told_apart, with_leaks
from gradlint.errors import GradlintError
from gradlint.flow import Flow
from gradlint.passes.facts import NO_EXPERIMENTS, Doubts, Experiments
from gradlint.passes.partial import unused_slices
from gradlint.passes.stops import lost
from gradlint.rule import Need

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlint.load.spec import ModelSpec
    from gradlint.options import Options
    from gradlint.record.runner import Runner
    from gradlint.record.subject import Subject


@dataclass(frozen=True, slots=True)
class Forward:
    """What is called with the inputs that a step gets.

    Attributes:
        subject: the model on the sample.
        spec: the model on paper.
    """

    subject: Subject
    spec: ModelSpec | None


@dataclass(frozen=True, slots=True)
class Tested:
    """An observed step, with what experiments on the forward pass say of it."""

    flow: Flow
    doubts: Doubts
    experiments: Experiments = NO_EXPERIMENTS


def tested(
    flow: Flow,
    probes: tuple[Flow, ...],
    matters: Callable[[str, int, Sequence[int]], bool],
    forward: Forward,
    needs: frozenset[Need],
    options: Options,
) -> Tested:
    """Find out what zeros, unread slices and leaks of a step come from the forward pass.

    Args:
        flow: of the step.
        probes: the step on perturbed samples.
        matters: whether the losses of the step change with some slices of an input.
        forward: the model that the step trains.
        needs: what the chosen rules need.
        options: how to check.
    """
    from gradlint.experiments.laboratory import Laboratory
    from gradlint.record.runner import Runner

    runner = Runner(forward.subject)
    laboratory = Laboratory(runner)
    try:
        flow = with_leaks(laboratory, flow, forward.spec, needs, options)
    except GradlintError:
        raise
    except Exception:  # The step has no use for calling the model, whose own code fails then.
        return Tested(flow, Doubts(probes))
    if Need.EXPERIMENTS not in needs:
        return Tested(flow, Doubts(probes))
    draws = laboratory.draws(flow.recording)
    unused = never_read(unused_slices(flow, probes), draws, matters) if unused_slices(flow, ()) else ()
    zero = lost(flow)
    # The step may add zeros of its own, which another loss of the outputs would not have.
    base = _run(runner, options) if zero else None
    if base is None or not zero <= lost(base):
        return Tested(flow, Doubts(probes, unused=unused))
    options.report("testing the forward pass")
    found = healed_of(laboratory, base, zero)
    left = {victim for victim in zero if victim[1] not in found.names}
    lying, by_chance = told_apart(laboratory, draws, left, probes)
    updates = found.trial.updates if found.trial is not None else 0
    doubts = Doubts(probes, lying, unused, found.names | by_chance, found.filled, updates)
    return Tested(flow, doubts, Experiments(neutral=laboratory.neutral(base.recording), alone=laboratory.alive_alone))


def _run(runner: Runner, options: Options) -> Flow | None:
    """The model on the sample; None where it does not run."""
    try:
        recording = runner.record()
    except GradlintError:
        return None
    return Flow(recording, options.bounds) if recording.failure is None else None
