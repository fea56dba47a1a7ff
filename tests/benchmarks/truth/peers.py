"""What people use without gradlint, on the same models: do they say anything, and do they stay quiet when all is well?

Each is one training step. A peer that names no variable cannot name the culprit; none of them names an operation or a
line of the model.
"""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tests.benchmarks.truth.symptoms import parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.truth.symptoms import Seen

PEERS = {
    "keras": "Keras itself: `train_on_batch` raises, or warns of variables without gradient",
    "tape": "a plain `tf.GradientTape`: the step raises, or a gradient is missing, zero or not finite",
    "numerics": "`tf.debugging.enable_check_numerics`: the step raises",
}


NOT_RUN = (
    "TorchLens 2.36, whose preview for TensorFlow runs in an environment of its own, beside PyTorch: it gives values "
    "and gradients of each operation and judges none, so that there is nothing to count.",
    "NeuraLint: the package `neuralint` 0.0.5 asks for TensorFlow 1.15, which no Python can install that Keras 3 runs "
    "on.",
    "AutoTrainer: the package of this name in the registry is another program, and that of the study is in none.",
)
"""Peers of the published studies, and why they are not among these."""


def tape_said(found: Seen) -> bool:
    """What somebody reads off the gradients of the variables."""
    of_variables = [norm for name, norm in found.norms.items() if not name.startswith("input ")]
    return bool(found.failed or any(norm is None or norm == 0 or not np.isfinite(norm) for norm in of_variables))


def keras_said(build: Callable[[], Any], sample: dict[str, Any]) -> bool:
    """Whether a step of `fit` warns or raises; what is not compiled is given a loss that it can have."""
    log: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: log.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("", "absl", "tensorflow", "keras")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            return _raises(build, sample) or any(
                "radients do not exist" in text for text in [*log, *(str(each.message) for each in caught)]
            )
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


def numerics_said(build: Callable[[], Any], sample: dict[str, Any]) -> bool:
    tf.debugging.enable_check_numerics()
    try:
        return _raises(build, sample)
    finally:
        tf.debugging.disable_check_numerics()


def _raises(build: Callable[[], Any], sample: dict[str, Any]) -> bool:
    try:
        model = build()
        inputs, labels, weights = parts(model, sample)
        if not model.compiled:
            model.compile("sgd", "mse")
        model.run_eagerly = True
        if labels is None:
            outputs = model(inputs)
            labels = tf.nest.map_structure(tf.zeros_like, outputs)
        model.train_on_batch(inputs, labels, sample_weight=weights)
    except Exception:
        return True
    return False


SAYS: dict[str, Callable[[Callable[[], Any], dict[str, Any]], bool]] = {"keras": keras_said, "numerics": numerics_said}
"""The peers that need a step of their own."""
