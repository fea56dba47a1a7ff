"""Training steps that are named, and those that a model brings along, as `fit` would run them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.checking.step import observed
from gradlint.errors import GradlintError
from gradlint.rules import chosen

if TYPE_CHECKING:
    from gradlint.checking.ways import Ready
    from gradlint.load.model.own_step import OwnStep
    from gradlint.options import Options
    from gradlint.result import Result


def check_own_step(step: OwnStep, options: Options) -> Result:
    """Run a step as it is, and find out what it loses."""
    own = replace(options, models=(*step.learners, *options.models), depth="values")
    result = observed(step.function, step.arguments, {}, own)
    return replace(result, target=step.name) if step.name else result


def explained_crash(ready: Ready, options: Options) -> Result | None:
    """Why the model's own `train_step` ends with an error, where it is for a gradient that its tapes do not give.

    Observed as a step of the user's own, it tells what its tapes were asked; None where that explains nothing.
    """
    try:
        return _observed_step(ready, options)
    except GradlintError:
        return None


def with_updates(result: Result, ready: Ready, options: Options) -> Result:
    """The result of a model, with what its own `train_step` makes of the gradients: pairs, scales, updates.

    Args:
        result: of a run that looked at the losses alone.
        ready: what was run.
        options: how to check.
    """
    codes = tuple(rule.code for rule in chosen(options.select, options.ignore) if rule.is_of_updates)
    if not codes:
        return result
    try:
        step = _observed_step(ready, replace(options, select=codes, probes=0))
    except GradlintError:
        return result  # It has run before: that it does not run again is no news about the model.
    if step is None:
        return result
    told = {path for finding in result.findings for path in finding.variables}
    places = {(finding.cause.file, finding.cause.line) for finding in result.findings if finding.cause.line}
    found = [
        finding
        for finding in step.findings
        if (finding.cause.file, finding.cause.line) not in places and told.isdisjoint(finding.variables)
    ]
    return replace(
        result,
        findings=(*result.findings, *found),
        rules=tuple(dict.fromkeys((*result.rules, *step.rules))),
        catalogue=tuple({info.code: info for info in (*result.catalogue, *step.catalogue)}.values()),
    )


def _observed_step(ready: Ready, options: Options) -> Result | None:
    """The model's own `train_step`, observed; None where `fit` would run none."""
    from gradlint.load.model.live import trains_itself
    from gradlint.load.model.own_step import train_step_of
    from gradlint.record.run import Run
    from gradlint.upstream import models

    subject = ready.subject
    if not trains_itself(subject.model, options):
        return None
    if not ready.is_live:
        models.begin_anew(subject.model)
    run = Run(subject, subject.inputs, subject.labels, subject.seed)
    return check_own_step(train_step_of(subject.model, run.step_data(run.batch())), options)
