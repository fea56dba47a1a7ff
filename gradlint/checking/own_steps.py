"""Training steps that are named, and those that a model brings along, as `fit` would run them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradlint.checking.batches import packed, read
from gradlint.checking.step import observed
from gradlint.errors import ModelRunError, UsageError
from gradlint.load.batch import first_batch
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.load.sample import load_sample

if TYPE_CHECKING:
    from gradlint.options import Options
    from gradlint.record.subject import Subject
    from gradlint.result import Result


def trains_itself(model: object, options: Options) -> bool:
    """Whether `fit` would run a `train_step` of the model's own.

    Raises:
        UsageError: it would, but the model is not compiled, and nothing else of it can be run.
    """
    if isinstance(model, str) or hasattr(model, "__fspath__") or options.loss is not None or options.depth != "values":
        return False
    from gradlint.load.model.live import is_model

    if not is_model(model):
        return False
    from gradlint.upstream import models

    if not models.overrides(model, "train_step"):
        return False
    if not getattr(model, "compiled", False) and not models.has_call(model):
        name = type(model).__name__
        raise UsageError(f"{name} has a train_step and no call(), and is not compiled: compile it first, as for fit()")
    return bool(getattr(model, "compiled", False))


def check_named_step(target: str, sample: object, options: Options) -> Result | None:
    """Run the training step that `package.module:function` names; None where it names a factory.

    Raises:
        UsageError: nobody gave a sample, or the parameters are others.
    """
    from gradlint.load.model.code import is_factory, step_of

    if not is_factory(target) or (step := step_of(target, options.imports)) is None:
        return None
    if sample is None:
        raise UsageError(f"{target} is a training step: give it a sample, as in gradlint {target} --sample batch.npz")
    return observed(step, arguments_of(step, target, sample, options), {}, replace(options, depth="values"))


def arguments_of(step: Any, target: str, sample: object, options: Options) -> tuple[Any, ...]:
    """A sample as the positional arguments of a step.

    Its parameters take the arrays of their names, if there are all of them; one parameter takes the batch as `fit`
    would hand it over, several its parts.

    Raises:
        UsageError: the parameters are others.
    """
    from gradlint.upstream import models

    sample = read(sample, options)
    if isinstance(sample, str):
        sample = load_sample(sample, options.limits or DEFAULT_LIMITS)
    batch = first_batch(sample, (), options.batch or 0)
    arrays = batch if isinstance(batch, dict) else {}
    names = models.parameters_of(step)
    if arrays and set(names) <= set(arrays):
        parts = [arrays[name] for name in names]
    else:
        whole = packed(arrays) if arrays else batch
        if len(names) == 1:
            parts = [whole]
        elif isinstance(whole, tuple) and len(whole) == len(names):
            parts = list(whole)
        else:
            has = ", ".join(arrays) or "other parts"
            raise UsageError(f"{target} takes {', '.join(names)}; the sample has {has}. Name its arrays so")
    return tuple(models.as_tensors(part) for part in parts)


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
