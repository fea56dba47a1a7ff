"""Elements: of how many elements of a variable there is a gradient, and of how many there is one past some cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.record.reduction import as_array
from gradlint.upstream.eager import array_of, tf_variable

if TYPE_CHECKING:
    from collections.abc import Collection

    from gradlint.experiments.bridge import Bridge
    from gradlint.record.runner import Runner

_MOVED = 0.5
"""How far elements are moved, as a share of the deviation of the variable: past any step of a few bits."""
_CHANGED = 1e-5
"""Relative change of a loss that is none of rounding."""


def elements(
    runner: Runner, bridge: Bridge, positions: Collection[int], path: str, tensor: int
) -> tuple[int, int] | None:
    """As `gradlint.passes.elements.Elements` has it."""
    slopes = [bridge.slope(frozenset(tried), tensor) for tried in ((), positions)]
    before, after = (slope if slope is None or isinstance(slope, tf.Tensor) else None for slope in slopes)
    if before is None or after is None or before.shape != after.shape:
        return None
    has_one = as_array(before) != 0
    if has_one.all() or not _matter(runner, path, ~has_one):
        return None
    return int(has_one.sum()), int(np.count_nonzero(as_array(after)))


def _matter(runner: Runner, path: str, which: Any) -> bool:
    """Whether the loss changes when some elements of a variable do."""
    run = runner.run()
    named = zip(run.paths(), run.learning(), strict=True)
    variable = next((tf_variable(variable) for name, variable in named if name == path), None)
    if variable is None or tuple(variable.shape) != which.shape:
        return False
    values = array_of(variable.read_value())
    step = np.random.default_rng(0).normal(0.0, _MOVED * float(np.std(values)), values.shape) * which
    still, moved = runner.run().loss_only(None, None), run.loss_only(variable, tf.cast(step, variable.dtype))
    return abs(moved - still) > _CHANGED * abs(still)
