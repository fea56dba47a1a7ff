"""Walks a training step for a comparison: the observed step, with a print of every value."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.finding import Cause
from gradlint.record import tensors
from gradlint.record.step import Observation, Observed
from gradlint.record.step_arguments import needs_building
from gradlint.record.trail import OptimizerTrail, Outermost, Print, Trail, VariableTrail
from gradlint.upstream import eager, models, optimizers, restoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gradlint.record.observation import StepTrace
    from gradlint.record.step_task import StepTask
    from gradlint.thresholds import Thresholds

_NUMBERS = ("float", "bfloat", "int", "uint", "bool")


class _Directions:
    """Random directions, the same ones for all arrays of a size."""

    def __init__(self) -> None:
        self._known: list[np.ndarray[Any, Any]] = []

    def of(self, size: int) -> list[np.ndarray[Any, Any]]:
        if not self._known or len(self._known[0]) < size:
            self._known = [np.random.default_rng(seed).standard_normal(max(size, 4096)) for seed in (1, 2)]
        return [direction[:size] for direction in self._known]


_DIRECTIONS = _Directions()


def print_of(value: Any) -> Print:
    """The print of an eager tensor or an array."""
    array = eager.array_of(value) if eager.is_eager(value) else np.asarray(value)
    dtype = value.dtype.name
    flat = array.ravel().astype(np.float64)
    finite = np.isfinite(flat)
    wrong = int(flat.size - np.count_nonzero(finite))
    if wrong:
        flat = np.where(finite, flat, 0.0)
    constant = float(flat[0]) if flat.size and bool((flat == flat[0]).all()) else None
    marks = tuple(float(flat @ direction) for direction in _DIRECTIONS.of(flat.size))
    return Print(tuple(array.shape), dtype, float(np.linalg.norm(flat)), marks, constant, wrong)


def _is_printable(tensor: Any) -> bool:
    return eager.is_eager(tensor) and tensor.dtype.name.startswith(_NUMBERS)


@dataclass(frozen=True, slots=True)
class Walk:
    """One run of a step: its trail, and the live objects behind it.

    Attributes:
        variables: in the order of `trail.variables`.
        values: of those variables at the start.
        optimizers: in the order of `trail.optimizers`.
    """

    trail: Trail
    variables: tuple[Any, ...]
    values: tuple[Any, ...]
    optimizers: tuple[Any, ...]


def walked(
    step: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    task: StepTask,
    thresholds: Thresholds,
    values: Sequence[tuple[Any, Any]] = (),
) -> Walk:
    """Run a step once, observed, and leave everything as it was.

    Args:
        step: called with `args` and `kwargs`.
        args: positional arguments.
        kwargs: keyword arguments.
        task: what is observed.
        thresholds: as for a check.
        values: variables, with the values that they have at the start of the step.

    Raises:
        Exception: what the step itself raises.
    """
    if needs_building((*task.models, *args, *kwargs.values())):
        _observed(step, args, kwargs, task, thresholds)
    with _holding(values):
        observed = _observed(step, args, kwargs, task, thresholds)
        if observed.record.born:
            observed = _observed(step, args, kwargs, task, thresholds)
        return _walk_of(observed)


def _observed(
    step: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], task: StepTask, thresholds: Thresholds
) -> Observed:
    with Observation(task, thresholds, __file__) as observation:
        return observation.end(step(*args, **kwargs))


@contextlib.contextmanager
def _holding(values: Sequence[tuple[Any, Any]]) -> Iterator[None]:
    """Give variables other values for the duration of a `with` block."""
    now = [(eager.tf_variable(variable), eager.tf_variable(variable).read_value()) for variable, _ in values]
    try:
        for variable, value in values:
            eager.tf_variable(variable).assign(value)
        yield
    finally:
        for variable, value in now:
            variable.assign(value)


def _walk_of(observed: Observed) -> Walk:
    trace = observed.trace
    optimizers = tuple(trace.optimizers.values())
    live, trails, values = _variables(observed)
    trail = Trail(
        observed.recording,
        observed.record,
        prints={index: print_of(tensor) for index, tensor in enumerate(trace.tensors) if _is_printable(tensor)},
        slopes={index: print_of(_dense(slope)) for index, slope in observed.slopes.items() if slope is not None},
        answers={
            (number, place): print_of(_dense(slope))
            for number, call in enumerate(trace.live_calls)
            for place, slope in enumerate(call.slopes)
            if slope is not None and eager.is_eager(getattr(slope, "values", slope))
        },
        scales=tuple(_scale_of(trace, number) for number in range(len(trace.live_calls))),
        applied={
            (number, place): print_of(_dense(slope)).times(1.0 / update.divisor)
            for number, update in enumerate(trace.live_updates)
            for place, (slope, _) in enumerate(update.application.pairs or ())
            if slope is not None
        },
        variables=tuple(trails),
        outermost=tuple(_outermost(trace)),
        optimizers=tuple(_optimizer(trace, optimizer) for optimizer in optimizers),
        masked=any(
            models.mask_of(trace.tensors[index]) is not None
            for call, _ in trace.calls.outermost
            for index in call.outputs
            if trace.tensors[index] is not None
        ),
    )
    return Walk(trail, tuple(live), tuple(values), optimizers)


def _dense(slope: Any) -> Any:
    return tf.convert_to_tensor(slope) if isinstance(slope, tf.IndexedSlices) else slope


# -- variables ---------------------------------------------------------------------------------------------


def _variables(observed: Observed) -> tuple[list[Any], list[VariableTrail], list[Any]]:
    run, trace = observed.run, observed.trace
    owners = run.subject.learners
    counted = {
        eager.tensor_id(eager.handle_of(variable))
        for owner in owners
        for metric in getattr(owner, "metrics", ())
        for variable in metric.variables
    }
    learning = [(v, path) for v, path in zip(run.learning(), run.paths(), strict=True)]
    learning = [(v, path) for v, path in learning if eager.tensor_id(eager.handle_of(v)) not in counted]
    known = {eager.tensor_id(eager.handle_of(variable)) for variable, _ in learning}
    held = [v for owner in owners for v in getattr(owner, "variables", ())]
    seeds = [
        (variable, tensors.path_of(variable))
        for variable in {id(v): v for v in held if restoring.is_state_of_generator(v)}.values()
    ]
    found, trails, values = [], [], []
    for variable, path in [*learning, *seeds]:
        key = eager.tensor_id(eager.handle_of(variable))
        was = trace.before[key][1] if key in trace.before else eager.tf_variable(variable).read_value()
        now = observed.after[key][1] if key in observed.after else was
        found.append(variable)
        values.append(was)
        difference = eager.array_of(now).astype(np.float64) - eager.array_of(was).astype(np.float64)
        trails.append(
            VariableTrail(
                path,
                key,
                tensors.shape_of(was),
                was.dtype.name,
                bool(variable.trainable),
                print_of(was),
                print_of(difference),
                len(trace.versions(eager.handle_of(variable))) - 1,
                is_seed=key not in known,
            )
        )
    return found, trails, values


# -- calls, optimizers -------------------------------------------------------------------------------------


def _outermost(trace: StepTrace) -> Iterator[Outermost]:
    for call, training in trace.calls.outermost:
        frames = call.frames
        layer = call.operation
        variables = getattr(layer, "trainable_variables", None)
        if variables is None:
            continue
        yield Outermost(
            id(layer),
            training,
            models.minds_training(layer),
            frozenset(eager.tensor_id(eager.handle_of(variable)) for variable in variables),
            Cause(str(layer.name), None, frames[0].file if frames else None, frames[0].line if frames else None),
        )


def _optimizer(trace: StepTrace, optimizer: Any) -> OptimizerTrail:
    rates = [u.learning_rate for u in trace.live_updates if u.application.optimizer is optimizer]
    return described(optimizer, rates[0] if rates else None)


def described(optimizer: Any, rate: float | None) -> OptimizerTrail:
    """An optimizer as a comparison knows it.

    Args:
        optimizer: of Keras.
        rate: its learning rate at the step.
    """
    inner = optimizers.innermost(optimizer)
    try:
        configuration = inner.get_config()
    except NotImplementedError:
        configuration = {}
    settings = {name: _setting(value) for name, value in configuration.items() if name not in ("name", "learning_rate")}
    if not configuration.get("use_ema"):
        settings = {name: value for name, value in settings.items() if not name.startswith("ema_")}
    if rate is not None:
        settings["learning_rate"] = f"{rate:.6g}"
    used, scale = optimizers.times_used(inner), optimizers.scale_of(optimizer)
    return OptimizerTrail(type(inner).__name__, settings, used, scale, _schedule(configuration.get("learning_rate")))


def _setting(value: object) -> str:
    """A setting as text, the same for numbers that differ in their type alone."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return f"{float(value):.6g}"
    return str(value)


def _schedule(rate: object) -> str:
    """A schedule as Keras writes it down, in the words of its call."""
    if not isinstance(rate, dict) or "class_name" not in rate:
        return ""
    config = rate.get("config") or {}
    given = [f"{name}={_setting(value)}" for name, value in config.items() if name != "name"]
    return f"{rate['class_name']}({', '.join(given)})"


def _scale_of(trace: StepTrace, number: int) -> float:
    """What the target of a gradient call is multiplied with, by an optimizer that takes it out again."""
    call = trace.live_calls[number]
    for update in trace.live_updates:
        if id(update.application.optimizer) in trace.scaled and update.first >= call.last:
            return update.divisor
    return 1.0
