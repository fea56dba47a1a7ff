"""Trial: what becomes of zeros with the loss scale, and after a few updates, of the compiled optimizer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.experiments.taped import Taped, taped
from gradlint.record import scaling
from gradlint.record.reduction import gradient_of
from gradlint.result import GradientState
from gradlint.upstream import restoring
from gradlint.upstream.eager import tensor_id, tf_variable
from gradlint.upstream.optimizers import halve_scale, scale_of, scales_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.record.runner import Runner

_MOST_UPDATES = 3
"""A gate of zeros inside of another one opens with the second update."""
_STEP = 0.05
"""What a variable moves by where no compiled optimizer moves it, as a share of its own norm."""
_SPREAD = 0.1
"""Standard deviation of the random values that a variable of zeros is given."""
_OPENED = 0.01
"""The value of a schedule that has started at zero."""


def alive_when_scaled(runner: Runner) -> frozenset[str]:
    """The float inputs and trainable variables with a gradient under the loss scale of the compiled optimizer.

    Half precision rounds small gradients to zero; `LossScaleOptimizer` multiplies the loss before they are taken, by
    what is left of its scale once nothing overflows.
    """
    optimizer = getattr(runner.subject.model, "optimizer", None)
    if not scales_loss(optimizer):
        return frozenset()
    run = runner.run()
    with run.isolated():
        found = taped(run)
        return frozenset() if found is None else _alive(found, _slopes(found, optimizer)[0])


def finite_scale(runner: Runner) -> float | None:
    """The scale to which the compiled optimizer lowers its own until nothing overflows; None if that is no help."""
    optimizer = getattr(runner.subject.model, "optimizer", None)
    if not scales_loss(optimizer):
        return None
    run = runner.run()
    with run.isolated():
        found = taped(run)
        if found is None:
            return None
        slopes, halvings = _slopes(found, optimizer)
        return scale_of(optimizer) * 0.5**halvings if scaling.are_finite(slopes) else None


@dataclass(frozen=True, slots=True)
class Trial:
    """A few updates, which were taken back.

    Attributes:
        updates: number of them.
        alive: keys and paths with a gradient afterwards, of those that were asked about.
        steps: `tf.Variable`s, and what the updates added to each.
        is_of_optimizer: whether the compiled optimizer made them all, and not a small step in its place.
    """

    updates: int
    alive: frozenset[str]
    steps: tuple[tuple[Any, Any], ...]
    is_of_optimizer: bool = False


def after_updates(runner: Runner, names: frozenset[str]) -> Trial:
    """Update the variables until what is asked about has a gradient, or no more of it gets one.

    Args:
        runner: of the subject.
        names: keys and paths whose gradient is zero.
    """
    outer = runner.run()
    learning = outer.learning()
    variables = [tf_variable(variable) for variable in learning]
    alive: frozenset[str] = frozenset()
    number, is_of_optimizer = 0, True
    with outer.isolated():
        before = [variable.read_value() for variable in variables]
        outer.trace.assigned.update(tensor_id(variable.handle) for variable in variables)
        twin = _twin(runner)
        for number in range(_MOST_UPDATES + 1):
            run = runner.run()
            with run.isolated():
                found = taped(run)
                slopes, halvings = _slopes(found, twin) if found is not None else ((), 0)
            if found is None:
                break
            if halvings:
                halve_scale(twin, halvings)
            before_it, alive = alive, alive | _alive(found, slopes) & names
            # Gates open one after the other, each with an update: where none has opened, none will.
            if number == _MOST_UPDATES or (number and alive in (names, before_it)):
                break
            if number == 0:
                _open_schedules(learning)
            own = [variable for variable in learning if variable.trainable]
            if not _updated(twin, own, slopes[found.inputs :]):
                is_of_optimizer = False
                _step(own, slopes[found.inputs :])
        moved = [(v, v - value) for v, value in zip(variables, before, strict=True)]
        steps = tuple((variable, step) for variable, step in moved if bool(tf.reduce_any(step != 0)))
    return Trial(number, alive, steps, is_of_optimizer)


def alive_with_random(runner: Runner, path: str) -> frozenset[str]:
    """The float inputs and trainable variables with a gradient while one variable holds random values."""
    outer = runner.run()
    named = zip(outer.paths(), outer.learning(), strict=True)
    variable = next((tf_variable(variable) for name, variable in named if name == path), None)
    if variable is None or not variable.dtype.is_floating:
        return frozenset()
    with outer.isolated():
        outer.trace.assigned.add(tensor_id(variable.handle))
        values = np.random.default_rng(0).normal(0.0, _SPREAD, variable.shape)
        variable.assign(tf.cast(values, variable.dtype))
        run = runner.run()
        with run.isolated():
            found = taped(run)
            return frozenset() if found is None else _alive(found, _slopes(found, None)[0])


def _slopes(found: Taped, optimizer: Any) -> tuple[Sequence[Any], int]:
    """The gradients of a loss that an optimizer scales, and how often it halves the scale until they are finite."""
    with found.tape:
        loss = found.loss if optimizer is None else optimizer.scale_loss(found.loss)

    def halved(number: int) -> Sequence[Any]:
        return scaling.halved(found.tape, loss, found.sources, number)

    slopes = halved(0)
    if not scales_loss(optimizer) or scaling.are_finite(slopes):
        return slopes, 0
    number = scaling.halvings(lambda number: scaling.are_finite(halved(number)))
    return (slopes, 0) if number is None else (halved(number), number)


def _alive(found: Taped, slopes: Sequence[Any]) -> frozenset[str]:
    states = (gradient_of(slope).state for slope in slopes)
    return frozenset(name for name, state in zip(found.names, states, strict=True) if state is GradientState.FINITE)


def _twin(runner: Runner) -> Any:
    """A copy of the compiled optimizer without its state; None where there is none, or it makes no copy."""
    optimizer = getattr(runner.subject.model, "optimizer", None)
    with contextlib.suppress(Exception):  # One of the user's own need not live without its model.
        if optimizer is not None:
            configuration = dict(optimizer.get_config()) | {"use_ema": False, "gradient_accumulation_steps": None}
            return type(optimizer).from_config(configuration)
    return None


def _updated(twin: Any, variables: Sequence[Any], slopes: Sequence[Any]) -> bool:
    """Whether the optimizer has moved anything."""
    pairs = [(slope, variable) for slope, variable in zip(slopes, variables, strict=True) if slope is not None]
    if twin is None or not pairs:
        return False
    before = [tf.identity(tf_variable(variable)) for _, variable in pairs]
    try:
        restoring.update(twin, [slope for slope, _ in pairs], [variable for _, variable in pairs])
    except Exception:
        return False
    return any(
        bool(tf.reduce_any(tf_variable(variable) != value))
        for (_, variable), value in zip(pairs, before, strict=True)
    )  # fmt: skip


def _step(variables: Sequence[Any], slopes: Sequence[Any]) -> None:
    """Move every variable against its gradient."""
    for variable, slope in zip(map(tf_variable, variables), slopes, strict=True):
        if slope is None:
            continue
        dense = tf.cast(tf.convert_to_tensor(slope), tf.float32)
        norm = tf.norm(dense)
        if bool(tf.math.is_finite(norm)) and float(norm) != 0.0:
            size = _STEP * max(float(tf.norm(tf.cast(variable, tf.float32))), 1.0)
            variable.assign_add(tf.cast(-size * dense / norm, variable.dtype))


def _open_schedules(variables: Sequence[Any]) -> None:
    """Raise what is not trained and starts at zero: the user's own code moves it."""
    for variable in variables:
        values = tf_variable(variable)
        if not variable.trainable and not bool(tf.reduce_any(tf.cast(values, tf.bool))):
            values.assign(tf.fill(values.shape, tf.cast(_OPENED, values.dtype)))
