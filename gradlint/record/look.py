"""A cheap look at a model that is being trained: the gradients of one batch, and what the optimizer made of them."""

from __future__ import annotations

import contextlib
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.operations import Trait, has
from gradlint.record import scaling, tensors
from gradlint.upstream import eager, models, observing, optimizers, replicas, restoring, steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Look:
    """What one batch shows of the layers of a model.

    Attributes:
        norms: Euclidean norm of the gradients of each layer that has some; NaN where one is not finite.
        zeros: layers whose gradients are all exactly zero.
        nonfinite: layers with a gradient that is not finite.
        dead: share of the units of each rectifier that are off for the whole batch, in [0, 1].
        ratios: norm of the last update over the norm of the weights, by layer.
    """

    norms: Mapping[str, float]
    zeros: tuple[str, ...]
    nonfinite: tuple[str, ...]
    dead: Mapping[str, float]
    ratios: Mapping[str, float]

    def numbers(self, by_layer: bool) -> dict[str, float]:
        """The numbers for Keras's logs."""
        found = {
            "gradient_norm": math.sqrt(sum(norm**2 for norm in self.norms.values())),
            "update_ratio": max(self.ratios.values(), default=0.0),
            "dead_units": max(self.dead.values(), default=0.0),
            "zero_gradients": float(len(self.zeros)),
            "nonfinite_gradients": float(len(self.nonfinite)),
        }
        if by_layer:
            for name, part in (("gradient_norm", self.norms), ("update_ratio", self.ratios), ("dead_units", self.dead)):
                found |= {f"{name}/{layer}": value for layer, value in part.items()}
        return found


def look(model: Any, batch: Any, ratios: Mapping[str, float]) -> Look:
    """Run the model's `train_step` on a batch once, without its updates, and leave everything as it was.

    Args:
        model: compiled and built.
        batch: as `train_step` takes it.
        ratios: of the last update, as `Weights.ratios` gives them.
    """
    first = _seen(model, batch, ratios, 0)
    if not first.nonfinite or not any(map(optimizers.scales_loss, optimizers.optimizers_of(model))):
        return first
    # Where the optimizer doubles its scale from time to time, gradients overflow, and it halves it again.
    seen: dict[int, Look] = {}
    number = scaling.halvings(lambda number: not seen.setdefault(number, _seen(model, batch, ratios, number)).nonfinite)
    return first if number is None else seen[number]


def _seen(model: Any, batch: Any, ratios: Mapping[str, float], halvings: int) -> Look:
    """The look, with loss scales that are halved so often."""
    pairs: list[tuple[Any, Any]] = []
    dead: dict[str, float] = {}
    parts = steps.Parts()

    def applied(application: optimizers.Application, run: Callable[[], Any]) -> None:
        del run
        scale = getattr(application.optimizer, "dynamic_scale", None)
        factor = 1.0 if scale is None else 1.0 / float(scale.value)
        pairs.extend((_scaled(slope, factor), variable) for slope, variable in application.pairs or ())

    def operation(kind: Any, inputs: Any, attributes: Any, outputs: Any, *rest: Any) -> None:
        del inputs, attributes, rest
        if has(eager.text_of(kind), Trait.RECTIFIES) and eager.is_eager(outputs[0]) and outputs[0].shape.rank:
            values = eager.array_of(outputs[0])
            off = ~(values > 0).any(axis=tuple(range(values.ndim - 1)))
            path = models.current_path()
            dead[path] = max(dead.get(path, 0.0), float(off.mean()))

    try:
        with contextlib.ExitStack() as stack:
            enter = stack.enter_context
            enter(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            enter(restoring.restored((), lambda variable: False))
            enter(observing.functions_run_eagerly())
            enter(restoring.assigned_restored())
            enter(optimizers.on_optimizers(applied, lambda optimizer, loss: None, parts.keep))
            enter(observing.on_operation(operation))
            for optimizer in filter(optimizers.scales_loss, optimizers.optimizers_of(model)):
                parts.keep(optimizer)
                optimizers.halve_scale(optimizer, halvings)
            strategy = model.distribute_strategy
            enter(strategy.scope())
            enter(replicas.one_replica())
            strategy.run(model.train_step, args=(batch,))
    finally:
        parts.restore()
    norms, zeros, nonfinite = _by_layer(pairs)
    return Look(norms, zeros, nonfinite, dead, dict(ratios))


def _scaled(slope: Any, factor: float) -> Any:
    values = getattr(slope, "values", slope)
    return None if values is None else tf.cast(values, tf.float32) * factor


def _by_layer(pairs: list[tuple[Any, Any]]) -> tuple[dict[str, float], tuple[str, ...], tuple[str, ...]]:
    squares: dict[str, float] = {}
    for slope, variable in pairs:
        if slope is not None:
            layer = _layer_of(variable)
            squares[layer] = squares.get(layer, 0.0) + float(tf.reduce_sum(tf.square(slope)))
    norms = {layer: math.sqrt(square) if math.isfinite(square) else math.nan for layer, square in squares.items()}
    zeros = tuple(layer for layer, norm in norms.items() if norm == 0.0)
    return norms, zeros, tuple(layer for layer, norm in norms.items() if math.isnan(norm))


def _layer_of(variable: Any) -> str:
    path = tensors.path_of(variable)
    return path.rpartition("/")[0] or path


class Weights:
    """The weights of a model at one time. TensorFlow copies what changes, and no more.

    Args:
        model: that is trained.
        with_slots: also what its optimizers remember, which a step of its own may use before it computes a loss.
    """

    def __init__(self, model: Any, *, with_slots: bool = False) -> None:
        slots = [v for optimizer in optimizers.optimizers_of(model) for v in optimizer.variables] if with_slots else []
        self._kept = [(v, eager.tf_variable(v).read_value()) for v in (*model.variables, *slots) if _is_float(v)]

    def ratios(self) -> dict[str, float]:
        """How far each layer's trainable weights have moved since, relative to their size."""
        moved: dict[str, float] = {}
        sizes: dict[str, float] = {}
        for variable, value in self._kept:
            if variable.trainable:
                layer, was = _layer_of(variable), tf.cast(value, tf.float32)
                now = tf.cast(eager.tf_variable(variable).read_value(), tf.float32)
                moved[layer] = moved.get(layer, 0.0) + float(tf.reduce_sum(tf.square(now - was)))
                sizes[layer] = sizes.get(layer, 0.0) + float(tf.reduce_sum(tf.square(was)))
        return {layer: math.sqrt(moved[layer] / size) for layer, size in sizes.items() if size > 0}

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model these weights for the duration of a `with` block."""
        now = [(variable, eager.tf_variable(variable).read_value()) for variable, _ in self._kept]
        try:
            for variable, value in self._kept:
                eager.tf_variable(variable).assign(value)
            yield
        finally:
            for variable, value in now:
                eager.tf_variable(variable).assign(value)


def _is_float(variable: Any) -> bool:
    return tensors.dtype_of(variable).startswith(("float", "bfloat"))


class Summaries:
    """TensorBoard's file of what was looked at."""

    def __init__(self, folder: str) -> None:
        self._writer = tf.summary.create_file_writer(folder)

    def write(self, look: Look, step: int) -> None:
        """Add the numbers of all layers."""
        kind = tf.compat.v1.Summary  # `tf.summary.scalar` is TensorBoard's own, and wants it installed.
        numbers = look.numbers(by_layer=True)
        values = [kind.Value(tag=f"gradlint/{name}", simple_value=value) for name, value in numbers.items()]
        with self._writer.as_default():
            tf.summary.experimental.write_raw_pb(kind(value=values).SerializeToString(), step=step)
        self._writer.flush()

    def close(self) -> None:
        """End the file."""
        self._writer.close()


def arrays_of(batch: Any, key: str = "") -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a batch by keys that say where they are, as `check()` reads them back: `0/x`, `1`."""
    if isinstance(batch, dict):
        parts: list[tuple[str, Any]] = [(str(name), part) for name, part in batch.items()]
    elif isinstance(batch, (list, tuple)):
        parts = [(str(number), part) for number, part in enumerate(batch)]
    else:
        return {} if batch is None else {key or "x": np.asarray(batch)}
    found: dict[str, np.ndarray[Any, Any]] = {}
    for name, part in parts:
        found |= arrays_of(part, f"{key}/{name}" if key else name)
    return found
