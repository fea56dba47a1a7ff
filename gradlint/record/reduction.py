"""Gradients and values, reduced to the few numbers that the analysis needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from gradlint.operations import Trait, has
from gradlint.record.recording import ABSENT, Gradient, Values
from gradlint.result import GradientState
from gradlint.upstream import eager

Array = np.ndarray[Any, Any]


def as_array(tensor: Any) -> Array:
    """A gradient as an array; the repeated rows of `tf.IndexedSlices` are added up, absent rows left out."""
    if isinstance(tensor, tf.IndexedSlices):
        rows, positions = tf.unique(tf.reshape(tensor.indices, [-1]))
        return eager.array_of(
            tf.math.unsorted_segment_sum(
                tf.reshape(tensor.values, [tf.size(tensor.indices), -1]), positions, tf.size(rows)
            )
        )
    return eager.array_of(tensor)


def gradient_of(tensor: Any | None, *, counted: bool = False) -> Gradient:
    """Reduce a gradient.

    Args:
        tensor: what the tape gave; None when there is no gradient.
        counted: also count the elements that are not zero.
    """
    if tensor is None:
        return ABSENT
    array = as_array(tensor)
    if array.size == 0:
        return Gradient(GradientState.ZERO, 0.0, 0.0, 0.0)
    if array.dtype.kind not in "fc" or array.dtype.itemsize < 4:
        array = array.astype(np.float32)  # NumPy has no BLAS for half precision.
    # min and max propagate NaN, and the largest element decides about zero: squares would underflow.
    largest = float(max(np.max(np.abs(array)) if array.dtype.kind == "c" else max(array.max(), -array.min()), 0.0))
    if not math.isfinite(largest):
        return Gradient(GradientState.NONFINITE)
    if largest == 0.0:
        return Gradient(GradientState.ZERO, 0.0, 0.0, 0.0)
    norm = largest * math.sqrt(_sum_of_squares(array.ravel(), largest))
    share = float(np.count_nonzero(array)) / array.size if counted else None
    return Gradient(GradientState.FINITE, norm, largest, share)


# Elements that are squared and summed in float32 at a time: over millions, its rounding shows in the fifth digit.
_CHUNK = 1 << 16


def _sum_of_squares(flat: Array, scale: float) -> float:
    """The sum of squares of an array over `scale`, exact to float32's precision whatever its length."""
    total = 0.0
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK] / scale
        total += float(np.vdot(part, part).real)
    return total


def values_of(tensor: Any) -> Values:
    """Reduce the values of a float tensor."""
    array = eager.array_of(tensor)
    if array.dtype.kind == "c":
        array = np.abs(array)
    if array.dtype.kind != "f" or array.dtype.itemsize < 4:
        array = array.astype(np.float32)
    if array.size == 0:
        return Values(0.0, 0.0, 0.0, 0.0, 0, 0)
    low, high = float(array.min()), float(array.max())
    nonfinite = nan = 0
    zeros = 1.0 - float(np.count_nonzero(array)) / array.size
    if not (math.isfinite(low) and math.isfinite(high)):
        finite = np.isfinite(array)
        nonfinite = array.size - int(finite.sum())
        nan = int(np.isnan(array).sum())
        array = array[finite]
        low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    # As `array.mean()`, which takes three times as long for what most operations make.
    mean = float(array.dtype.type(np.add.reduce(array, axis=None) / array.size)) if array.size else 0.0
    return Values(low, high, mean, zeros, nonfinite, int(eager.array_of(tensor).size), nan)


def saturated_share(op_type: str, output: Any, least: float) -> float | None:
    """Share of elements (of rows for a softmax) of a squashing function whose slope is below `least`, in [0, 1]."""
    if not has(op_type, Trait.SLOPE_FROM_RESULT):
        return None
    array = eager.array_of(output).astype(np.float32)
    if array.size == 0 or (op_type == "Softmax" and array.shape[-1] < 2):
        return None
    match op_type:
        case "Sigmoid":
            slopes = array * (1.0 - array)
        case "Tanh":
            slopes = 1.0 - array * array
        case _:
            slopes = 1.0 - array.max(axis=-1)
    return float(np.mean(slopes < least))


def used_slices(gradient: Any | None, rank: int) -> tuple[tuple[bool, ...], ...]:
    """For each axis but the batch: which slices of an input have an element with a non-zero gradient."""
    if gradient is None or rank < 2:
        return ()
    nonzero = as_array(gradient) != 0
    return tuple(
        tuple(bool(flag) for flag in nonzero.any(axis=tuple(a for a in range(nonzero.ndim) if a != axis)))
        for axis in range(1, nonzero.ndim)
    )


def is_level(value: Any | None) -> bool | None:
    """Whether several whole numbers are all the same; None for what holds no two of them."""
    if value is None or not value.dtype.is_integer or value.shape.num_elements() in (None, 0, 1):
        return None
    array = eager.array_of(value)
    return bool((array == array.flat[0]).all())


def has_equal_units(value: Any) -> bool:
    """Whether all units of a kernel, slices of its last axis, have equal values that are not all zero."""
    array = eager.array_of(value)
    if array.ndim < 2 or array.shape[-1] < 2 or array.dtype.kind != "f" or array.size == 0:
        return False
    first = array[(0,) * (array.ndim - 1)]
    # The first row says no for nearly every kernel, without a look at the rest.
    return bool((first == first[0]).all() and (array == array[..., :1]).all() and array.any())


def units_are_equal(value: Any, gradient: Any | None) -> bool:
    """Whether all units of a kernel have equal values and equal gradients."""
    if not has_equal_units(value):
        return False
    if gradient is None or isinstance(gradient, tf.IndexedSlices):
        return False
    slopes = eager.array_of(gradient)
    return bool(np.allclose(slopes, slopes[..., :1], rtol=1e-4, atol=1e-7 * float(np.abs(slopes).max() or 1.0)))
