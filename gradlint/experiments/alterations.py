"""What is changed about a training step, for the time of one run, to see whether another one then does the same."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from gradlint.upstream import models
from gradlint.upstream.optimizers import innermost, scales_loss
from gradlint.upstream.patching import patched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Alteration = contextlib.AbstractContextManager[None]


@contextlib.contextmanager
def forced_training(flag: bool, layers: frozenset[int]) -> Iterator[None]:
    """Call some layers, by identity, with this `training` where no other layer calls them."""
    original = keras.Layer.__call__
    inside: list[Any] = []

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not inside and id(self) in layers:
            kwargs["training"] = flag
        inside.append(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            inside.pop()

    with patched(keras.Layer, "__call__", call):
        yield


@contextlib.contextmanager
def without_added_losses() -> Iterator[None]:
    """Let nobody see the losses that layers add."""
    original: Any = vars(keras.Layer)["losses"]
    keras.Layer.losses = property(lambda self: [])
    try:
        yield
    finally:
        keras.Layer.losses = original


@contextlib.contextmanager
def with_probabilities(model: Any) -> Iterator[None]:
    """Put a sigmoid behind the outputs of a model."""
    original = keras.Layer.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        return keras.tree.map_structure(keras.ops.sigmoid, result) if self is model else result

    with patched(keras.Layer, "__call__", call):
        yield


@contextlib.contextmanager
def without_masks() -> Iterator[None]:
    """Compute losses as if no prediction had a mask."""
    original = keras.Loss.__call__

    def call(self: Any, y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
        masked = [(t, models.mask_of(t)) for t in keras.tree.flatten(y_pred) if models.mask_of(t) is not None]
        for tensor, _ in masked:
            models.set_mask(tensor, None)
        try:
            return original(self, y_true, y_pred, *args, **kwargs)
        finally:
            for tensor, mask in masked:
                models.set_mask(tensor, mask)

    with patched(keras.Loss, "__call__", call):
        yield


@contextlib.contextmanager
def without_loss_scale(optimizers: Sequence[Any]) -> Iterator[None]:
    """Let optimizers that scale the loss, and divide gradients by the scale, do so by 1."""
    scaling = [(optimizer, optimizer.initial_scale) for optimizer in optimizers if scales_loss(optimizer)]
    try:
        for optimizer, _ in scaling:
            optimizer.initial_scale = 1.0
            if getattr(optimizer, "dynamic_scale", None) is not None:
                optimizer.dynamic_scale.assign(1.0)  # The run gives it its value back.
        yield
    finally:
        for optimizer, scale in scaling:
            optimizer.initial_scale = scale


@contextlib.contextmanager
def with_scaled_gradients(factor: float, number: int) -> Iterator[None]:
    """Multiply what one of the gradient calls of a step gives, as if its loss were multiplied.

    Args:
        factor: by how much.
        number: of the call, counted from 0.
    """
    original = tf.GradientTape.gradient
    calls = itertools.count()

    def gradient(self: Any, target: Any, sources: Any, output_gradients: Any = None, **kwargs: Any) -> Any:
        if next(calls) == number:
            slopes = tf.nest.map_structure(tf.ones_like, target) if output_gradients is None else output_gradients
            output_gradients = tf.nest.map_structure(lambda slope: slope * tf.cast(factor, slope.dtype), slopes)
        return original(self, target, sources, output_gradients, **kwargs)

    with patched(tf.GradientTape, "gradient", gradient):
        yield


@contextlib.contextmanager
def with_settings(optimizer: Any, settings: Mapping[str, Any]) -> Iterator[None]:
    """Give an optimizer other settings; those that it does not have are left out."""
    inner = innermost(optimizer)
    before: dict[str, Any] = {}
    rate = float(keras.ops.convert_to_numpy(inner.learning_rate))
    try:
        for name, value in settings.items():
            if name == "learning_rate":
                inner.learning_rate = value
            elif hasattr(inner, name):
                before[name] = getattr(inner, name)
                setattr(inner, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(inner, name, value)
        if "learning_rate" in settings:
            inner.learning_rate = rate


def altered(step: Callable[..., Any], alterations: list[Callable[[], Alteration]]) -> Callable[..., Any]:
    """A step that runs with alterations."""

    def run(*args: Any, **kwargs: Any) -> Any:
        with contextlib.ExitStack() as stack:
            for alteration in alterations:
                stack.enter_context(alteration())
            return step(*args, **kwargs)

    return run
