"""Training steps that run as they are: those that `package.module:function` names, and those that models have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gradlint.errors import UsageError
from gradlint.load.batch import first_batch, is_batch, packed
from gradlint.load.given import drawing_alike, opened, read
from gradlint.load.model.code import arguments_of, is_factory, step_of
from gradlint.load.model.live import inputs_of, trains_itself
from gradlint.load.sample import load_sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint.load.model.live import Model
    from gradlint.options import Options


@dataclass(frozen=True, slots=True)
class OwnStep:
    """A step with what it is called with.

    Attributes:
        name: of what is checked; empty where it is the step.
        learners: models that should learn besides what the options name.
        inputs: those of the arguments that are inputs of the model, by its own keys, as far as it names them.
    """

    function: Callable[..., object]
    arguments: tuple[Any, ...]
    name: str = ""
    learners: tuple[object, ...] = ()
    inputs: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WholeBatch:
    """A live model and the arrays that its own `train_step` may take apart before it calls the model."""

    model: Model
    arrays: Mapping[str, object]

    def step(self) -> OwnStep:
        """The `train_step` on all of them.

        Raises:
            SampleError: they are no arrays.
        """
        names = [entry.key for entry in inputs_of(self.model)]
        return train_step_of(self.model, packed(load_sample(self.arrays), names))


def whole_batch(model: Model, sample: object, options: Options) -> WholeBatch | None:
    """A live model that trains itself, with the arrays that a sample names; None for any other."""
    if not isinstance(sample, Mapping) or not trains_itself(model, options):
        return None
    return WholeBatch(model, sample)


def own_step(model: object, sample: object, options: Options) -> OwnStep | None:
    """The step that a check of a model and a sample is about; None where it is about a model or a loss.

    Raises:
        UsageError: nobody gave a step a sample, or its parameters are others.
    """
    if isinstance(model, (str, os.PathLike)):
        target = os.fspath(model)
        if not is_factory(target):
            return None
        with drawing_alike(options):
            step = step_of(target, options.imports)
        if step is None:
            return None
        if sample is None:
            message = f"give it a sample, as in gradlint {target} --sample batch.npz"
            raise UsageError(f"{target} is a training step: {message}")
        return OwnStep(step, arguments_of(step, target, sample, options))
    return own_train_step(model, sample, options)


def own_train_step(model: Model, sample: object, options: Options) -> OwnStep | None:
    """The `train_step` of a live model on a sample that is a batch as `fit` would hand it over; None for any other."""
    if sample is None or not trains_itself(model, options):
        return None
    inputs = inputs_of(model)
    batch = opened(read(sample, options), inputs, options)
    return train_step_of(model, first_batch(batch, inputs, options.batch or 0)) if is_batch(batch) else None


def train_step_of(model: Model, batch: object, inputs: Mapping[str, object] | None = None) -> OwnStep:
    """A model's own `train_step` on a batch, as `fit` would run it.

    Args:
        model: a compiled model.
        batch: arrays and tensors as `fit` would hand them over.
        inputs: the tensors among them that are inputs, by the model's own keys.
    """
    from gradlint.upstream import models

    return OwnStep(model.train_step, (models.as_tensors(batch),), str(model.name), (model,), inputs or {})
