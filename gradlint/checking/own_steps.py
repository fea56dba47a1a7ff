"""Training steps that are named, and those that a model brings along, as `fit` would run them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.checking.step import observed
from gradlint.errors import ModelRunError

if TYPE_CHECKING:
    from gradlint.load.model.own_step import OwnStep
    from gradlint.options import Options
    from gradlint.record.subject import Subject
    from gradlint.result import Result


def check_own_step(step: OwnStep, options: Options) -> Result:
    """Run a step as it is, and find out what it loses."""
    own = replace(options, models=(*step.learners, *options.models), depth="values")
    result = observed(step.function, step.arguments, {}, own)
    return replace(result, target=step.name) if step.name else result


def explained_crash(subject: Subject, options: Options) -> Result | None:
    """Why the model's own `train_step` ends with an error, where it is for a gradient that its tapes do not give.

    Observed as a step of the user's own, it tells what its tapes were asked; None where that explains nothing.
    """
    from gradlint.load.model.own_step import train_step_of
    from gradlint.record.run import Run
    from gradlint.upstream import models

    model = subject.model
    if model is None or subject.loss is not None or not (models.overrides(model, "train_step") and model.compiled):
        return None
    run = Run(subject, subject.inputs, subject.labels, subject.seed)
    try:
        return check_own_step(train_step_of(model, run.step_data(run.batch())), options)
    except ModelRunError:
        return None
