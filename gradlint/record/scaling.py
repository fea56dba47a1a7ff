"""Dynamic loss scaling: an optimizer halves the scale, and skips the update, as long as a gradient is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.upstream import backprop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

MOST_HALVINGS = 24
"""Updates that may be skipped: from Keras's first scale of 2^15 down to 2^-9. What overflows then is not its matter."""


def halvings(is_finite: Callable[[int], bool]) -> int | None:
    """How often a scale is halved until gradients are finite; None where that is of no use.

    Args:
        is_finite: whether they are, after so many times.
    """
    if not is_finite(MOST_HALVINGS):  # A NaN of another kind costs one try.
        return None
    return next(number for number in range(1, MOST_HALVINGS + 1) if is_finite(number))


def halved(tape: Any, loss: Any, sources: Sequence[Any], number: int) -> list[Any]:
    """The gradients of a loss whose scale is halved: a backward pass is linear in what it begins with."""
    start = tf.fill(tf.shape(loss), tf.cast(0.5**number, loss.dtype))
    return backprop.gradients(tape, loss, sources, [start])


def are_finite(slopes: Iterable[Any]) -> bool:
    """Whether no gradient holds NaN or infinity."""
    values = (getattr(slope, "values", slope) for slope in slopes if slope is not None)
    return all(bool(tf.reduce_all(tf.math.is_finite(value))) for value in values)
