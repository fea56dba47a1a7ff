"""What the first step of training shows of optimizer, labels, loss and data."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.record import columns, labelling, source, tensors
from gradlint.record.objective import compiled_losses, function_of
from gradlint.record.start import Rate, Start, Target, Update
from gradlint.record.subject import ModelSubject
from gradlint.record.terms import BINARY, CATEGORICAL, SPARSE, is_float
from gradlint.upstream import eager, restoring
from gradlint.upstream.optimizers import rate_as_given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gradlint.record.objective import Batch
    from gradlint.record.recording import LossRecord
    from gradlint.record.run import Run

# Steps at which a schedule is asked for its rate: a warm-up starts at zero and rises within one of them.
_STEPS = (1, 10, 100, 1000)

# A warm-up that rises with every step has risen by the first of these.
_FIRST = (1, 2, 10)

# A schedule that is at zero after so few updates was given the number of epochs: an epoch takes more of them.
_EARLY = 20
_LATE = 100_000

# Elements of variables that are copied at a time for their first update; an optimizer keeps two moments of each.
_MOST_ELEMENTS = 1 << 22
_SMALL_ELEMENTS = 1 << 16
_ELEMENTWISE = {
    getattr(keras.optimizers, name)
    for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl", "Lion")
}
"""Optimizers that treat each element by itself, wherever it is; Adafactor, LAMB and Muon look at whole matrices."""

REGRESSION = frozenset({"mean_squared_error", "mean_absolute_error", "huber", "log_cosh"})


def start_of(run: Run, batch: Batch, outputs: Any, slopes: Mapping[int, Any], loss: LossRecord) -> Start:
    """Look at the first step of training.

    Args:
        run: has just run the model forward and backward.
        batch: what it ran on.
        outputs: of the model, in its own nesting; None when the run failed.
        slopes: gradient by tensor index.
        loss: what was differentiated.
    """
    optimizers = _optimizers(run.subject.model)
    updates: tuple[Update, ...] = ()
    if loss.kind == "compiled" and "optimizer" in optimizers:
        updates = _updates(run, optimizers["optimizer"], slopes)
    return Start(
        rates=rates_of(run.subject.model),
        updates=updates,
        targets=tuple(_targets(run, batch, outputs, loss)),
        data=columns.defects(run.inputs, run.labels, run.subject.label_keys, batch.sample_weight),
    )


# -- optimizers --------------------------------------------------------------------------------------------


def _optimizers(model: Any) -> dict[str, Any]:
    """The optimizers that a model holds as attributes; `optimizer` is the compiled one."""
    if model is None:
        return {}
    held = dict(vars(model))
    held["optimizer"] = getattr(model, "optimizer", None)
    found: dict[str, Any] = {}
    for name, value in held.items():
        if isinstance(value, keras.optimizers.Optimizer) and not (name.startswith("_") and value is held["optimizer"]):
            found[name] = value
    return found


def rates_of(model: Any) -> tuple[Rate, ...]:
    """The learning rates of the optimizers that a model holds."""
    return tuple(rate for name, optimizer in _optimizers(model).items() if (rate := _rate(name, optimizer)) is not None)


def _inner(optimizer: Any) -> Any:
    """The optimizer inside one that scales the loss."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _rate(attribute: str, optimizer: Any) -> Rate | None:
    optimizer = _inner(optimizer)
    given = rate_as_given(optimizer)
    is_schedule = isinstance(given, keras.optimizers.schedules.LearningRateSchedule)
    try:
        end, is_late = None, False
        if is_schedule:
            at = functools.cache(lambda step: float(given(tf.constant(step))))
            value = at(0)
            end = _end(at)
            is_late = value == 0.0 and not any(map(at, _FIRST))
            others = [at(step) for step in _STEPS]
            later = max((rate for rate in others if math.isfinite(rate)), default=value)
        else:
            value = later = float(optimizer.learning_rate)
    except Exception:  # A schedule of the user's own may want what only a training loop gives.
        return None
    return Rate(type(optimizer).__name__, attribute, value, later, is_schedule, end, is_late)


def _end(at: Callable[[int], float]) -> int | None:
    """The step from which on a schedule gives zero, if it is among the first."""
    if any(map(at, (_EARLY, *_STEPS[-2:], _LATE))):
        return None
    return max((step + 1 for step in range(_EARLY) if at(step) != 0.0), default=None)


def _updates(run: Run, optimizer: Any, slopes: Mapping[int, Any]) -> tuple[Update, ...]:
    """What a copy of the optimizer does to copies of the variables."""
    try:
        configuration = _inner(optimizer).get_config()
    except NotImplementedError:
        return ()
    pairs = []
    for path, variable in zip(run.paths(), run.learning(), strict=True):
        slope = slopes.get(run.trace.versions(run.handle(variable))[0])
        if variable.trainable and slope is not None:
            pairs.append((path, variable, slope))
    found: dict[str, Update] = {}
    clip = configuration.pop("global_clipnorm", None)
    if clip is not None:
        scaled, _ = tf.clip_by_global_norm([slope for _, _, slope in pairs], clip)
        pairs = [(path, variable, slope) for (path, variable, _), slope in zip(pairs, scaled, strict=True)]
    configuration |= {"use_ema": False, "gradient_accumulation_steps": None, "global_clipnorm": None}
    kind = type(_inner(optimizer))
    is_elementwise = kind in _ELEMENTWISE and configuration.get("clipnorm") is None
    for group in _groups(pairs):
        bundles = list(_bundles(group) if is_elementwise else ([pair] for pair in group))
        try:
            twin = kind.from_config(dict(configuration))
            moves = _moves(run, twin, bundles)
            vars(twin).clear()  # it is in circles with its moments, and nobody looks for circles during a run
        except Exception:  # An optimizer of the user's own need not live without its model.
            return ()
        for bundle, (old, moved) in zip(bundles, moves, strict=True):
            ends = np.cumsum([math.prod(variable.shape) for _, variable, _ in bundle])[:-1]
            parts = (np.split(eager.array_of(each).ravel(), ends) for each in (old, moved))
            for (path, _, _), weights, steps in zip(bundle, *parts, strict=True):
                weight, update = float(np.linalg.norm(weights)), float(np.linalg.norm(steps))
                if math.isfinite(weight) and math.isfinite(update):
                    found[path] = Update(path, weight, update, weights.size)
    return tuple(found[path] for path, _, _ in pairs if path in found)


def _moves(run: Run, twin: Any, bundles: list[list[tuple[str, Any, Any]]]) -> list[tuple[Any, Any]]:
    """The weights of each bundle in float32, and how far an optimizer that is used for nothing else moves them."""
    before = [_joined([eager.tf_variable(variable) for _, variable, _ in bundle]) for bundle in bundles]
    # Of a `tf.Variable` Keras would make no copy.
    copies = [keras.Variable(tf.identity(value)) for value in before]
    run.own.update(eager.tensor_id(eager.handle_of(copy)) for copy in copies)
    slopes = [_joined([slope for _, _, slope in bundle]) for bundle in bundles]
    # What the user's own class keeps may be anybody's.
    restoring.update(twin, slopes, copies, run.own if source.is_library_class(type(twin)) else None)
    moves = []
    for was, copy in zip(before, copies, strict=True):
        old = tf.cast(tf.convert_to_tensor(was), tf.float32)
        moves.append((old, tf.cast(tf.convert_to_tensor(eager.tf_variable(copy)), tf.float32) - old))
    return moves


def _bundles(group: list[tuple[str, Any, Any]]) -> Iterator[list[tuple[str, Any, Any]]]:
    """The variables, the small ones of one dtype as one: a thousand biases cost as much as a thousand matrices."""
    small: dict[str, list[tuple[str, Any, Any]]] = {}
    for pair in group:
        _, variable, slope = pair
        if isinstance(slope, tf.IndexedSlices) or math.prod(variable.shape) > _SMALL_ELEMENTS:
            yield [pair]
        else:
            small.setdefault(tensors.dtype_of(variable) + slope.dtype.name, []).append(pair)
    yield from small.values()


def _joined(values: list[Any]) -> Any:
    """One value as it is; of several, all elements in a row."""
    return values[0] if len(values) == 1 else tf.concat([tf.reshape(value, [-1]) for value in values], 0)


def _groups(pairs: list[tuple[str, Any, Any]]) -> Iterator[list[tuple[str, Any, Any]]]:
    """The variables in groups of limited size."""
    group: list[tuple[str, Any, Any]] = []
    elements = 0
    for pair in pairs:
        size = math.prod(pair[1].shape)
        if group and elements + size > _MOST_ELEMENTS:
            yield group
            group, elements = [], 0
        group.append(pair)
        elements += size
    if group:
        yield group


# -- labels and losses -------------------------------------------------------------------------------------


def _targets(run: Run, batch: Batch, outputs: Any, record: LossRecord) -> Iterator[Target]:
    """The labels of every output with a loss of Keras's own."""
    subject = run.subject
    if not isinstance(subject, ModelSubject) or (record.kind not in ("compiled", "named") and outputs is not None):
        return
    model = subject.model
    losses = compiled_losses(model) if subject.loss is None else (("", subject.loss),)
    known = {function.output for function in record.functions}
    predictions = dict(labelling.named_outputs(model, outputs))
    metrics = labelling.compiled_metrics(model)
    for name, loss in losses:
        if outputs is not None and name not in known:
            continue
        function = function_of(name, loss)
        only = len(losses) == 1
        label = batch.labels.get(name, batch.labels.get("") if only else None)
        output = predictions.get(name, next(iter(predictions.values()), None) if only else None)
        if not function.builtin or label is None or isinstance(label, (tf.RaggedTensor, tf.SparseTensor)):
            continue
        if label.dtype == tf.string:
            continue
        units = tuple(int(length or 0) for length in output.shape) if output is not None else ()
        if not units:
            units = labelling.declared_shape(model, name)
        key = subject.label_keys.get(name, subject.label_keys.get("", name))
        loss = keras.losses.get(loss) if isinstance(loss, str) else loss
        weight = batch.sample_weight.get(name) if isinstance(batch.sample_weight, dict) else batch.sample_weight
        target = labelling.facts(name if len(losses) > 1 else "", key, function, label, units, weight)
        target = replace(target, ignored=labelling.ignored_class(loss), metrics=metrics.get(name, metrics.get("", ())))
        yield target if output is None else _with_losses(target, loss, label, output)


def _with_losses(target: Target, loss: Any, label: Any, output: Any) -> Target:
    """The loss at the start, and those of constant predictions."""
    if target.nan or not is_float(output.dtype.name) or target.loss not in REGRESSION | BINARY | CATEGORICAL | {SPARSE}:
        return target

    def cost(prediction: Any) -> float:
        return float(tf.reduce_mean(tf.cast(loss(label, prediction), tf.float32)))

    zero: float | None = None
    try:
        start = cost(output)
        if target.loss in REGRESSION:
            if label.shape != output.shape:
                return target
            values = tf.cast(label, tf.float32)
            middle = np.median(tensors_array(values), axis=0, keepdims=True)
            centres = [tf.reduce_mean(values, axis=0, keepdims=True), tf.constant(middle)]
            guess = min(cost(tf.cast(tf.broadcast_to(centre, output.shape), output.dtype)) for centre in centres)
            ordinary = [cost(tf.fill(output.shape, tf.cast(value, output.dtype))) for value in (0.0, 1.0, -1.0)]
            zero = ordinary[0]
        else:
            even = 0.0 if target.from_logits else 0.5 if target.loss in BINARY else 1.0 / max(target.prediction[-1], 1)
            guess = cost(tf.fill(output.shape, tf.cast(even, output.dtype)))
            ordinary = []
        spread = float(tf.sqrt(tf.reduce_mean(tf.square(tf.cast(output, tf.float32)))))
    except Exception:  # Labels that do not fit the loss at all are told elsewhere.
        return target
    return replace(target, start=start, guess=guess, zero=zero, plain=max([guess, *ordinary]), spread=spread)


def tensors_array(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor's values in float32."""
    return eager.array_of(tensors.numbers(tensor)).astype(np.float32)


# -- the experiment ------------------------------------------------------------------------------------------


def scaled(inputs: Mapping[str, Any], floats: Sequence[str]) -> tuple[dict[str, Any], tuple[tuple[str, float], ...]]:
    """The sample with its large float inputs at unit deviation: the columns of a table each by its own, others whole.

    An input whose numbers are small beside those of another is left as it is: scaling it would prove nothing.

    Args:
        inputs: arrays by input key.
        floats: keys of those that the model takes as floats.

    Returns:
        The arrays, and key and largest deviation of those that were changed.
    """
    changed: dict[str, Any] = dict(inputs)
    deviations: list[tuple[str, float]] = []
    arrays = {key: array for key in floats if (array := _numbers(inputs[key])) is not None}
    sizes = {key: float(np.sqrt(np.mean(np.square(array, dtype=np.float64)))) for key, array in arrays.items()}
    for key, array in arrays.items():
        if sizes[key] < _SMALL * max(sizes.values()):
            continue
        axes = 0 if array.ndim == 2 else None
        middle, deviation = array.mean(axis=axes, keepdims=True), array.std(axis=axes, keepdims=True)
        still = deviation < 1e-6 * np.maximum(np.abs(middle), 1e-30)
        changed[key] = np.where(still, 0.0, (array - middle) / np.where(still, 1.0, deviation)).astype(np.float32)
        deviations.append((key, float(deviation.max())))
    return changed, tuple(deviations)


_SMALL = 0.1
"""Share of the largest input's size below which another one is small beside it."""


def _numbers(value: Any) -> np.ndarray[Any, Any] | None:
    """A dense array of finite numbers as float32; None for anything else."""
    if hasattr(value, "row_splits") or isinstance(value, tf.SparseTensor):
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or array.size < 2 or not np.isfinite(array).all():
        return None
    return array.astype(np.float32)
