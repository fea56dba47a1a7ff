"""Rounding: whether a gradient is a number, or what is left of one in the last digit.

The gradient of twice the loss is twice the gradient to the bit, since a factor of two changes no digit. That of 1.7
times the loss is 1.7 times the gradient up to some 1e-7; of differences that leave nothing but rounding it is some
other number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.experiments.taped import taped
from gradlint.record.reduction import as_array
from gradlint.record.subject import masks_of_padding, random_like
from gradlint.record.terms import is_float
from gradlint.upstream import backprop
from gradlint.upstream.eager import tensor_id, tf_variable

if TYPE_CHECKING:
    from gradlint.record.recording import Recording
    from gradlint.record.run import Run
    from gradlint.record.runner import Runner

_EXACT, _INEXACT = 2.0, 1.7
_SAME = 1e-3
"""Relative difference up to which a gradient is that of the scaled loss; measured: below 2e-6 for twenty layers."""
_OTHER = 0.1
"""From which on it is another number; measured: above 1 for what cancels out."""
_MOVED = 0.1
"""How far weights are moved, as a share of their own deviation."""


def rounding(runner: Runner, recording: Recording) -> frozenset[int]:
    """As `gradlint.passes.rounding.Rounding` has it; nothing where the subject runs another way on other data."""
    found = _noise(runner.run(), recording)
    if not found:
        return found
    generator = np.random.default_rng(0)
    inputs = dict(runner.subject.inputs)
    kept = masks_of_padding(inputs)
    inputs |= {key: random_like(value, generator) for key, value in inputs.items() if key not in kept}
    outer = runner.run()
    variables = [tf_variable(variable) for variable in outer.learning() if variable.trainable]
    with outer.isolated():
        outer.trace.assigned.update(tensor_id(variable.handle) for variable in variables)
        for variable in variables:
            if is_float(variable.dtype.name):
                spread = _MOVED * (float(tf.math.reduce_std(variable)) or 1.0)
                variable.assign_add(tf.cast(generator.normal(0.0, spread, variable.shape), variable.dtype))
        return found & _noise(runner.run(inputs), recording)


def _noise(run: Run, recording: Recording) -> frozenset[int]:
    """The tensors of a run whose gradient is rounding alone; none where it is not the run that was recorded."""
    with run.isolated():
        found = taped(run)
        if found is None or [op.type for op in run.trace.ops] != [op.type for op in recording.ops]:
            return frozenset()
        reached = run.reached(found.sources[: found.inputs], found.sources[found.inputs :])

        def slopes(factor: float) -> list[Any]:
            start = tf.ones_like(found.loss) * factor
            return backprop.gradients(found.tape, found.loss, [run.trace.tensors[i] for i in reached], [start])

        once, exact, inexact = slopes(1.0), slopes(_EXACT), slopes(_INEXACT)
        trios = zip(reached, once, exact, inexact, strict=True)
        return frozenset(
            index for index, *trio in trios if not any(slope is None for slope in trio) and _is_noise(*trio)
        )


def _is_noise(once: Any, exact: Any, inexact: Any) -> bool:
    arrays = [as_array(slope).astype(np.float64) for slope in (once, exact, inexact)]
    norm = float(np.linalg.norm(arrays[0]))
    if not np.isfinite(norm) or len({array.shape for array in arrays}) > 1:
        return False
    if norm == 0.0:  # Rounding may leave nothing at all.
        return not np.any(arrays[1])
    off_exact, off = (
        float(np.linalg.norm(array / factor - arrays[0])) / norm
        for array, factor in zip(arrays[1:], (_EXACT, _INEXACT), strict=True)
    )
    return off_exact < _SAME and off > _OTHER
