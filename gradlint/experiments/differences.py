"""Finite differences of the loss: what moves it, whatever the tapes say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.record.subject import perturbed
from gradlint.upstream.eager import tf_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlint.record.runner import Runner

_TRIALS = 3
"""Other values that are tried before slices of an input count as never looked at."""


def contradicted(runner: Runner, keys: Sequence[str], paths: Sequence[str]) -> frozenset[str]:
    """Those inputs and variables with which the loss changes smoothly, by central differences.

    Args:
        runner: of the subject.
        keys: float inputs whose gradient is zero.
        paths: variables whose gradient is zero.
    """
    run = runner.run()
    variables = dict(zip(run.paths(), run.learning(), strict=True))
    return frozenset(
        [key for key in keys if _moves_with_input(runner, key)]
        + [path for path in paths if _moves_with_variable(runner, tf_variable(variables[path]))]
    )


def matters(loss_on: Callable[[Any], float], array: Any, axis: int, slices: Sequence[int]) -> bool:
    """Whether a loss changes with some slices of an input, gradient or not.

    A column of ids in a table of numbers has no gradient, and still selects the row of an embedding.

    Args:
        loss_on: the loss with another array in the place of the input; NaN where the run fails.
        array: the input.
        axis: of the slices.
        slices: indices along the axis.
    """
    window = tuple([slice(None)] * axis + [list(slices)])
    base = loss_on(array)
    for seed in range(_TRIALS):
        moved = array.copy()
        moved[window] = perturbed({"": array[window]}, np.random.default_rng(seed))[""]
        if loss_on(moved) != base:  # A failed run says NaN, which differs too: the values are looked at.
            return True
    return False


def _moves_with_input(runner: Runner, key: str) -> bool:
    inputs = runner.subject.inputs
    array = np.asarray(inputs[key])
    direction = np.random.default_rng(0).normal(size=array.shape)

    def loss(step: float) -> float:
        moved = {**inputs, key: (array + step * direction).astype(array.dtype)}
        return runner.run(moved).loss_only(None, None)

    return _has_slope(loss, float(np.abs(array).max()) or 1.0)


def _moves_with_variable(runner: Runner, variable: Any) -> bool:
    direction = np.random.default_rng(0).normal(size=variable.shape)

    def loss(step: float) -> float:
        return runner.run().loss_only(variable, tf.constant(step * direction, variable.dtype))

    return _has_slope(loss, float(tf.reduce_max(tf.abs(tf.cast(variable, tf.float32)))) or 1.0)


def _has_slope(loss: Callable[[float], float], scale: float) -> bool:
    """Whether a loss has a slope in one direction: the same at two step sizes, and more than noise.

    At a minimum, and beside the kink of a margin that is just satisfied, the loss moves as well, and has none: it rises
    on both sides, or on one.
    """
    near, far = 1e-3 * scale, 2e-3 * scale
    here, *values = (loss(step) for step in (0.0, near, -near, far, -far))
    if not np.all(np.isfinite([here, *values])):
        return False
    one, two = (values[0] - values[1]) / (2 * near), (values[2] - values[3]) / (2 * far)
    noise = 1e-5 * max(1e-6, max(abs(value) for value in values)) / near
    bend = abs(values[0] - 2 * here + values[1])
    is_straight = bend < 0.5 * abs(values[0] - values[1]) and abs(one - two) < 0.3 * max(abs(one), abs(two))
    return abs(one) > noise and is_straight
