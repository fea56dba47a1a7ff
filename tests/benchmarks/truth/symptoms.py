"""One step by plain TensorFlow, without gradlint: is the symptom of a bug there, and is it gone in the repaired twin?

What counts as the symptom follows from the category of the bug alone. A bug whose category no single step shows is left
open rather than confirmed.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 1e3
"""A gradient that is so many times weaker or stronger than in the twin is a symptom."""


@dataclass
class Seen:
    """What one step shows.

    Attributes:
        failed: what the step raised; empty when it ran.
        norms: norm of the gradient by name of the variable or input; None without gradient.
        zeros: share of exact zeros in each of these gradients.
        nonfinite: loss, outputs and gradients that are not finite.
        trainable: number of trainable variables.
        broadcast: the shapes of a label and its prediction differ.
        mixes: a row of the output depends on other rows of the sample.
    """

    failed: str = ""
    norms: dict[str, float | None] = field(default_factory=dict)
    zeros: dict[str, float] = field(default_factory=dict)
    nonfinite: int = 0
    trainable: int = 0
    broadcast: bool = False
    mixes: bool = False


def parts(model: Any, sample: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Inputs, labels and weights as `fit` takes them."""
    inputs = {key: value for key, value in sample.items() if key != "sample_weight" and key.split(":")[0] != "y"}
    labels = {key[2:]: value for key, value in sample.items() if key.startswith("y:")}
    struct = getattr(model, "_inputs_struct", None)
    if struct is not None and not isinstance(struct, dict):
        order = [tensor.name for tensor in model.inputs]
        values = [inputs[name] for name in order] if set(order) <= set(inputs) else list(inputs.values())
        inputs = values if isinstance(struct, (list, tuple)) else values[0]
    elif struct is None and len(inputs) == 1:
        inputs = next(iter(inputs.values()))
    names = list(getattr(model, "output_names", []) or [])
    if labels and isinstance(getattr(model, "_outputs_struct", None), (list, tuple)) and set(names) == set(labels):
        labels = [labels[name] for name in names]
    return inputs, labels if len(labels) else sample.get("y"), sample.get("sample_weight")


def loss_of(model: Any, inputs: Any, labels: Any, weights: Any, outputs: Any) -> Any:
    """The compiled loss; a fixed random projection of the outputs where there is none."""
    if labels is not None and model.compiled:
        return model.compute_loss(inputs, labels, outputs, weights)
    draw = np.random.default_rng(0)
    flat = [tf.cast(each, "float32") for each in tf.nest.flatten(outputs)]
    return tf.add_n([tf.reduce_sum(each * draw.normal(size=each.shape).astype("float32")) for each in flat])


def outputs_of(model: Any, sample: dict[str, Any]) -> list[Any]:
    """What a model makes of a sample."""
    inputs, _, _ = parts(model, sample)
    return list(tf.nest.flatten(model(tf.nest.map_structure(tf.convert_to_tensor, inputs), training=True)))


def seen(build: Callable[[], Any], sample: dict[str, Any]) -> Seen:
    """What one eager step of training shows."""
    found = Seen()
    try:
        model = build()
        inputs, labels, weights = parts(model, sample)
        inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
        floats = [(str(n), each) for n, each in enumerate(tf.nest.flatten(inputs)) if each.dtype.is_floating]
        with tf.GradientTape() as tape:
            for _, each in floats:
                tape.watch(each)
            outputs = model(inputs, training=True)
            loss = loss_of(model, inputs, labels, weights, outputs)
        watched = [(variable.path, variable.value) for variable in model.trainable_variables]
        watched += [(f"input {name}", each) for name, each in floats]
        gradients = tape.gradient(loss, [each for _, each in watched])
    except Exception as error:
        found.failed = f"{type(error).__name__}: {error}"[:200]
        return found
    found.trainable = len(model.trainable_variables)
    results = [each for each in tf.nest.flatten(outputs) if each.dtype.is_floating]
    found.nonfinite = sum(not np.isfinite(np.asarray(tf.cast(each, "float32"))).all() for each in [loss, *results])
    for (name, _), gradient in zip(watched, gradients, strict=True):
        if gradient is None:
            found.norms[name] = None
            continue
        array = np.asarray(tf.cast(tf.convert_to_tensor(gradient), "float64"))
        found.nonfinite += not np.isfinite(array).all()
        found.norms[name] = float(np.linalg.norm(array))
        found.zeros[name] = float((array == 0).mean()) if array.size else 0.0
    with contextlib.suppress(Exception):
        pairs = zip(tf.nest.flatten(labels), tf.nest.flatten(outputs), strict=True)
        found.broadcast = any(_significant(np.shape(y)) != _significant(each.shape) for y, each in pairs)
    with contextlib.suppress(Exception):
        found.mixes = _mixes(model, inputs)
    return found


def _significant(shape: Any) -> tuple[int, ...]:
    """Without axes of one element at the end, which Keras takes off or adds."""
    axes = [int(axis) for axis in shape]
    while axes and axes[-1] == 1:
        axes.pop()
    return tuple(axes)


def _mixes(model: Any, inputs: Any) -> bool:
    """Whether the first row of any output changes when the others do."""
    rolled = tf.nest.map_structure(lambda each: tf.concat([each[:1], tf.roll(each[1:], 1, 0) * 2], 0), inputs)
    before, after = (tf.nest.flatten(model(each, training=False)) for each in (inputs, rolled))
    return any(not np.allclose(a[0], b[0], rtol=1e-4, atol=1e-5) for a, b in zip(before, after, strict=True))


Measure = tuple[str, ...]
_MISSING: Measure = ("absent", "zero", "fewer")
_FLAT: Measure = ("absent", "zero", "weaker", "flatter")
_REFUSED: Measure = ("failed", "broadcast")
SHOWS: dict[str, Measure] = {
    "batch_mixing": ("mixes",),
    "disconnected_input": (*_MISSING, "flatter"),
    "disconnected_variable": _MISSING,
    "dtype_mismatch": ("failed", *_MISSING),
    "exploding": ("stronger", "nonfinite"),
    "frozen": _MISSING,
    "index_out_of_range": ("failed", "nonfinite", "zero"),
    "label_shape_broadcast": _REFUSED,
    "missing_key": ("failed",),
    "none_gradient": ("failed", *_MISSING),
    "nondifferentiable_op": ("failed", *_MISSING),
    "nonfinite_gradient": ("nonfinite",),
    "saturation": _FLAT,
    "shape_mismatch": _REFUSED,
    "stop_gradient": _MISSING,
    "zero_gradient": _FLAT,
}
"""What may show a bug of each category; the others are not seen in one step of training."""


def counted(measure: str, one: Seen, other: Seen) -> float:
    """How much of a symptom is in `one`, where a comparison with `other` decides what is weak or strong."""
    both = [
        (norm, other.norms.get(name))
        for name, norm in one.norms.items()
        if norm is not None and np.isfinite(norm) and other.norms.get(name) is not None
    ]
    match measure:
        case "failed":
            return float(bool(one.failed))
        case "absent":
            return sum(norm is None for norm in one.norms.values())
        case "zero":
            return sum(norm == 0 for norm in one.norms.values())
        case "weaker":
            return sum(norm * FACTOR < theirs for norm, theirs in both)
        case "stronger":
            return sum(norm > theirs * FACTOR for norm, theirs in both)
        case "flatter":
            return sum(zeros > other.zeros.get(name, 0.0) + 0.05 for name, zeros in one.zeros.items())
        case "fewer":
            return float(not one.failed and one.trainable < other.trainable)
        case _:
            return float(getattr(one, measure))


def shown(category: str, broken: Seen, repaired: Seen) -> tuple[bool | None, bool | None]:
    """Whether the symptom is there, and whether it is gone in the twin; None where one step cannot tell."""
    measures = SHOWS.get(category)
    if measures is None:
        return None, None
    amounts = [(counted(m, broken, repaired), counted(m, repaired, broken)) for m in measures]
    return any(there for there, _ in amounts), any(there > after for there, after in amounts)


def fresh() -> None:
    """As in a new process, for what Keras counts and draws."""
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
