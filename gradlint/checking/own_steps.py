"""Training steps that are named, and those that a model brings along, as `fit` would run them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradlint.checking.step import observed
from gradlint.errors import ModelRunError, UsageError

if TYPE_CHECKING:
    from gradlint.options import Options
    from gradlint.record.subject import Subject
    from gradlint.result import Result


def check_named_step(target: str, sample: object, options: Options) -> Result | None:
    """Run the training step that `package.module:function` names; None where it names a factory.

    Raises:
        UsageError: nobody gave a sample, or the parameters are others.
    """
    from gradlint.load.model.code import arguments_of, is_factory, step_of

    if not is_factory(target) or (step := step_of(target, options.imports)) is None:
        return None
    if sample is None:
        raise UsageError(f"{target} is a training step: give it a sample, as in gradlint {target} --sample batch.npz")
    return observed(step, arguments_of(step, target, sample, options), {}, replace(options, depth="values"))


def explained_crash(subject: Subject, options: Options) -> Result | None:
    """Why the model's own `train_step` ends with an error, where it is for a gradient that its tapes do not give.

    Observed as a step of the user's own, it tells what its tapes were asked; None where that explains nothing.
    """
    from gradlint.record.run import Run
    from gradlint.upstream import models

    model = subject.model
    if model is None or subject.loss is not None or not (models.overrides(model, "train_step") and model.compiled):
        return None
    run = Run(subject, subject.inputs, subject.labels, subject.seed)
    try:
        return check_batch(model, run.step_data(run.batch()), options)
    except ModelRunError:
        return None


def check_batch(model: Any, batch: object, options: Options) -> Result:
    """Run the model's own `train_step` on a batch, and find out what it loses."""
    from gradlint.upstream import models

    own = replace(options, models=(model, *options.models))
    result = observed(model.train_step, [models.as_tensors(batch)], {}, own)
    return replace(result, target=str(model.name))
