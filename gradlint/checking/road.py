"""From a model and a sample to a result, with all the rooms on the way.

What runs a model is entered when one is run: what is decided on paper does without it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.checking.arguments import refuse_misplaced
from gradlint.checking.verdict import decided, judged
from gradlint.checking.ways import Case, Ready, stages
from gradlint.errors import ModelRunError
from gradlint.finding import Severity
from gradlint.rules import chosen, needs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.checking.forward import Forward
    from gradlint.load.model.own_step import OwnStep
    from gradlint.options import Options
    from gradlint.result import Result
    from gradlint.rule import Need, Rule


def checked(model: object, sample: object, options: Options) -> Result:
    """As `gradlint.check`, with the options in one piece.

    Raises:
        GradlintError: the check could not run; the message says what to change.
    """
    refuse_misplaced(model, sample)
    rules = [rule for rule in chosen(options.select, options.ignore) if rule.is_of_runs]
    needs = needs_of(rules)
    for stage in stages(model, sample, needs, options):
        if isinstance(stage, Case):
            early = decided(stage, rules, options)
            if early is None:
                continue
            # A train_step takes its batch apart before it calls the model: where the sample does not fit, it decides.
            if stage.whole is None or not _is_of_sample(early, stage, rules):
                return early
            return _run_step(stage.whole.step(), options)
        if isinstance(stage, Ready):
            return _run(stage, rules, needs, options)
        return _run_batch(stage, options)
    raise AssertionError("the last stage can be run")


def _run(ready: Ready, rules: Sequence[Rule], needs: frozenset[Need], options: Options) -> Result:
    from gradlint.checking.forward import Forward
    from gradlint.checking.looking import examined
    from gradlint.checking.own_steps import own_step_of

    case = ready.case
    if (step := own_step_of(ready, options)) is None:
        return judged(case, examined(ready, needs, options), rules, options)
    forward = Forward(ready.subject, case.paper.spec)
    try:
        return replace(_run_step(step, options, forward), target=case.target)
    except ModelRunError:
        if case.whole is None or not case.unexpected:
            raise
        return _run_step(case.whole.step(), options)


def _run_batch(step: OwnStep, options: Options) -> Result:
    from gradlint.checking.own_steps import check_own_step, with_forward

    step, forward = with_forward(step, options)
    return check_own_step(step, options, forward)


def _run_step(step: OwnStep, options: Options, forward: Forward | None = None) -> Result:
    from gradlint.checking.own_steps import check_own_step

    return check_own_step(step, options, forward)


def _is_of_sample(result: Result, case: Case, rules: Sequence[Rule]) -> bool:
    """Whether all that is wrong on paper is that the sample is not what the model's inputs take."""
    of_sample = {rule.code for rule in rules if rule.is_of_sample}
    errors = [finding for finding in result.findings if finding.severity is Severity.ERROR]
    # Labels of an output that is none are wrong in any step.
    return all(error.code in of_sample and not case.unexpected & set(error.inputs) for error in errors)
