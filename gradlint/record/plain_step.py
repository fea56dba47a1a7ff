"""A training step for a model that is named alone: what `fit` would run, or the plainest one where it could not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.record.objective import objective_of
from gradlint.record.run import Run
from gradlint.upstream import models

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint.record.subject import ModelSubject


def plain_step(subject: ModelSubject) -> tuple[Callable[..., Any], tuple[Any, ...], str]:
    """The step of a model, its arguments, and what the step is called.

    Args:
        subject: a model with a sample.
    """
    run = Run(subject, subject.inputs, subject.labels, subject.seed)
    batch, model = run.batch(), subject.model
    objective = objective_of(model, batch, subject.loss, subject.seed)
    if objective.record.kind == "compiled" or (subject.loss is None and models.has_own_step(model)):
        return model.train_step, (run.step_data(batch),), "fit"

    def step() -> None:
        with tf.GradientTape() as tape:
            args, kwargs = batch.packed(model)
            outputs = model(*args, training=subject.training, **kwargs)
            loss = objective.compute(batch, args[0] if args else kwargs, outputs, subject.training)
        tape.gradient(loss, model.trainable_variables)

    return step, (), objective.record.description
