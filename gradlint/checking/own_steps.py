"""Training steps that are named, and those that models bring along, as `fit` would run them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.checking.step import observed
from gradlint.checking.ways import Ready, cases
from gradlint.errors import GradlintError, ModelRunError
from gradlint.rules import ALL_RULES, chosen, codes_matching, needs_of, rules_matching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.checking.forward import Forward
    from gradlint.finding import Finding
    from gradlint.load.model.own_step import OwnStep
    from gradlint.options import Options
    from gradlint.result import Result
    from gradlint.rule import Rule


def check_own_step(step: OwnStep, options: Options, forward: Forward | None = None) -> Result:
    """Run a step as it is, and find out what it loses.

    Args:
        step: with what it is called with.
        options: how to check.
        forward: the model whose step it is, on the sample that is bound to its inputs.
    """
    codes = {rule.code for rule in chosen(options.select, options.ignore)}
    of_model = [rule for rule in ALL_RULES if rule.in_models and step.name]
    speaking = {rule.code: rule for rule in of_model if rule.in_models in codes}
    silent = {rule.code for rule in of_model if rule.in_models in codes_matching(options.ignore)}
    select = tuple(codes | speaking.keys()) if options.select else ()
    own = replace(options, models=(*step.learners, *options.models), depth="values", select=select)
    try:
        result = observed(step.function, step.arguments, {}, own, inputs=step.inputs, forward=forward)
    except ModelRunError as error:
        from gradlint.record.failures import advice_on_compile

        lacking = step.learners if "AttributeError" in str(error) else ()
        raise ModelRunError(f"{error}{''.join(map(advice_on_compile, lacking))}") from error
    found = (_as_of_model(finding, speaking) for finding in result.findings if finding.code not in silent)
    return replace(result, target=step.name or result.target, findings=tuple(found))


def _as_of_model(finding: Finding, speaking: Mapping[str, Rule]) -> Finding:
    """A finding under the code that says what is lost."""
    rule = speaking.get(finding.code)
    if rule is None:
        return finding
    (spoken,) = rules_matching(rule.in_models)
    return replace(finding, code=spoken.code, name=spoken.name, advice=finding.advice or rule.advice)


def with_forward(step: OwnStep, options: Options) -> tuple[OwnStep, Forward | None]:
    """A model's `train_step` on a batch as `fit` hands it over, with what of the batch goes to the inputs of the model.

    Where its inputs are declared, and are all in the batch: what else a step does with its batch is its own affair.

    Args:
        step: of a model, or another, which is left alone.
        options: how to check.
    """
    from gradlint.checking.forward import Forward
    from gradlint.load.model.live import inputs_of
    from gradlint.record.step_arguments import taken_from

    model = step.learners[0] if len(step.learners) == 1 else None
    inputs = inputs_of(model) if model is not None else ()
    if not inputs or not all(entry.declared for entry in inputs):
        return step, None
    try:
        *_, ready = cases(model, step.arguments[0], needs_of(chosen(options.select, options.ignore)), options)
    except GradlintError:
        return step, None
    assert isinstance(ready, Ready)
    found = taken_from(step.arguments[0], ready.subject.inputs)
    if set(found) != {entry.key for entry in inputs}:
        return step, None
    return replace(step, inputs=found), Forward(ready.subject, ready.case.paper.spec)


def own_step_of(ready: Ready, options: Options) -> OwnStep | None:
    """The `train_step` that `fit` would run on a sample that is bound to a model by key; None where it would run none.

    Args:
        ready: a model, with its sample.
        options: how to check.
    """
    from gradlint.load.model.live import trains_itself
    from gradlint.load.model.own_step import train_step_of
    from gradlint.record.run import Run
    from gradlint.upstream.models import begin_anew

    subject = ready.subject
    if subject.model is None or not trains_itself(subject.model, options):
        return None
    if not ready.is_live:
        begin_anew(subject.model)
    run = Run(subject, subject.inputs, subject.labels, subject.seed)
    batch = run.batch()
    return train_step_of(subject.model, run.step_data(batch), batch.inputs)
