"""Batches as `fit` hands them over, to a model, and to a training step of one's own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradlint.errors import UsageError
from gradlint.load.batch import by_key, first_batch, is_numbered
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.load.sample import load_sample
from gradlint.load.sources import read_source
from gradlint.load.spec import LABEL, SAMPLE_WEIGHT

if TYPE_CHECKING:
    from gradlint.load.spec import ModelSpec
    from gradlint.options import Options
    from gradlint.result import Result


def is_batch(sample: object) -> bool:
    """Whether a sample is a batch as `fit` would hand it over, and no arrays by input key."""
    if isinstance(sample, Mapping):
        return is_numbered(sample)
    return sample is not None and not isinstance(sample, (str, os.PathLike))


def arrays_of(sample: object, spec: ModelSpec, options: Options) -> object:
    """The arrays of a sample by key, or the path of an `.npz`, whose headers are read before its arrays; None for none.

    Args:
        sample: whatever `gradlint.check()` takes.
        spec: of the model: which inputs it has.
        options: how much of it is taken.

    Raises:
        SampleError: it gives no arrays.
    """
    sample = _read(sample, options)
    if sample is None or (isinstance(sample, str) and not options.batch):
        return sample
    if isinstance(sample, str):
        sample = load_sample(sample, options.limits or DEFAULT_LIMITS)
    inputs = spec.inputs or ()
    batch = first_batch(sample, inputs, options.batch or 0)
    return by_key(batch, [entry.key for entry in inputs], [key for _, key in options.targets], spec.outputs)


def _read(sample: object, options: Options) -> object:
    """A sample that is named, or the name itself where it is an `.npz`'s; others as they are."""
    if not isinstance(sample, (str, os.PathLike)):
        return sample
    return read_source(os.fspath(sample), options.limits or DEFAULT_LIMITS, options.batch or 0)


def packed(arrays: Mapping[str, object]) -> object:
    """Arrays by key as `fit` hands them to a `train_step`."""
    labels = {key: value for key, value in arrays.items() if key.partition(":")[0] == LABEL}
    weight = arrays.get(SAMPLE_WEIGHT)
    rest = {key: value for key, value in arrays.items() if key not in labels and key != SAMPLE_WEIGHT}
    x: object = next(iter(rest.values())) if len(rest) == 1 else rest
    if not labels:
        return x
    y: object = labels[LABEL] if set(labels) == {LABEL} else {key.partition(":")[2]: v for key, v in labels.items()}
    return (x, y) if weight is None else (x, y, weight)


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

    Its parameters take the arrays of their names, if there are all of them; one parameter takes the batch as `fit`
    would hand it over.

    Raises:
        UsageError: nobody gave a sample, or the parameters are others.
    """
    from gradlint.checking.step import check_step
    from gradlint.load.model.code import is_factory, step_of

    if not is_factory(target) or (step := step_of(target, options.imports)) is None:
        return None
    if sample is None:
        raise UsageError(f"{target} is a training step: give it a sample, as in gradlint {target} --sample batch.npz")
    from gradlint.upstream import models

    sample = _read(sample, options)
    if isinstance(sample, str):
        sample = load_sample(sample, options.limits or DEFAULT_LIMITS)
    batch = first_batch(sample, (), options.batch or 0)
    arrays = batch if isinstance(batch, dict) else {}
    names = models.parameters_of(step)
    chosen: dict[str, Any] = {
        "models": options.models,
        "variables": options.variables,
        "seed": options.seed,
        "probes": options.probes,
        "select": options.select,
        "ignore": options.ignore,
        "fail_on": options.fail_on,
        "thresholds": dict(options.thresholds),
    }
    if arrays and set(names) <= set(arrays):
        return check_step(step, *(models.as_tensors(arrays[name]) for name in names), **chosen)
    if arrays:
        batch = packed(arrays)
    if len(names) == 1:
        return check_step(step, models.as_tensors(batch), **chosen)
    if isinstance(batch, tuple) and len(batch) == len(names):
        return check_step(step, *(models.as_tensors(part) for part in batch), **chosen)
    raise UsageError(
        f"{target} takes {', '.join(names)}; the sample has {', '.join(arrays) or 'other parts'}. Name its arrays so"
    )


def check_batch(model: Any, batch: object, options: Options) -> Result:
    """Run the model's own `train_step` on a batch, and find out what it loses."""
    from gradlint.checking.step import check_step
    from gradlint.upstream import models

    result = check_step(
        model.train_step,
        models.as_tensors(batch),
        models=(model, *options.models),
        variables=options.variables,
        seed=options.seed,
        probes=options.probes,
        select=options.select,
        ignore=options.ignore,
        fail_on=options.fail_on,
        thresholds=dict(options.thresholds),
    )
    return replace(result, target=str(model.name))
