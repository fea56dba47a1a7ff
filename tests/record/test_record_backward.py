"""The backward pass: what is reduced as it comes by is what the tape gives when it is asked for everything."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.record import backward, runner
from gradlint.result import GradientState
from gradlint.upstream import backprop

if TYPE_CHECKING:
    from collections.abc import Callable

layers = keras.layers


@tf.custom_gradient
def reversed_gradient(x: Any) -> Any:
    return tf.identity(x) * 1.0, lambda slope: -slope


class Shared(layers.Layer):  # type: ignore[misc]
    """Reads its one matrix twice, and one of several results of an operation."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.w = self.add_weight(shape=(shape[-1], shape[-1]))

    def call(self, x: Any) -> Any:
        left, right = tf.split(tf.tanh(x @ self.w), 2, axis=-1)
        return tf.concat([left, left, tf.stop_gradient(right)], -1)[:, : x.shape[-1]] @ self.w


class Equal(layers.Layer):  # type: ignore[misc]
    def build(self, shape: tuple[int, ...]) -> None:
        self.w = self.add_weight(shape=(shape[-1], 3), initializer="ones")

    def call(self, x: Any) -> Any:
        return reversed_gradient(x @ self.w)


def made(*parts: Any, compiled: bool = False, shape: tuple[int, ...] = (6,), dtype: str = "float32") -> Any:
    x = start = keras.Input(shape, name="x", dtype=dtype)
    for part in parts:
        x = part(x)
    model = keras.Model({"x": start}, layers.Dense(1)(x))
    if compiled:
        model.compile("adam", "mse")
    return model


def dead() -> Any:
    return layers.Dense(
        4, activation="relu", kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(-1)
    )


MODELS: dict[str, Callable[[], Any]] = {
    "plain": lambda: made(layers.Dense(5, activation="gelu"), layers.LayerNormalization()),
    "compiled": lambda: made(layers.Dense(5, activation="relu"), layers.BatchNormalization(), compiled=True),
    "loop": lambda: made(layers.LSTM(4), shape=(5, 6)),
    "table": lambda: made(layers.Embedding(9, 4), layers.Flatten(), shape=(6,), dtype="int32"),
    "shared": lambda: made(Shared(), Shared()),
    "own gradient": lambda: made(Equal()),
    "dropped": lambda: made(layers.Dropout(0.5), layers.Dense(4)),
    "dead": lambda: made(layers.Dense(4), dead(), compiled=True),
    "cut": lambda: made(layers.Dense(4), keras.layers.Lambda(tf.round)),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_comes_by_is_what_the_tape_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = 0

    def both(run: Any, tape: Any, loss: Any, indices: list[int], *, of_variables: bool) -> Any:
        nonlocal runs
        slopes, reduced = backward.slopes_of(run, tape, loss, indices, of_variables=of_variables)
        asked = backprop.gradients(tape, loss, [run.trace.tensors[index] for index in indices])
        assert list(reduced) == list(indices)
        assert repr(list(reduced.values())) == repr([backward.gradient_in(run, slope) for slope in asked])
        for index, slope in zip(indices, asked, strict=True):
            if slopes.get(index) is not None:
                np.testing.assert_array_equal(tf.convert_to_tensor(slopes[index]), tf.convert_to_tensor(slope))
        runs += 1
        return slopes, reduced

    monkeypatch.setattr(runner, "slopes_of", both)
    gradlint.check(MODELS[name]())
    assert runs


def test_a_healthy_model_is_asked_once_and_keeps_no_more_than_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    original = backprop.gradients

    def counted(tape: Any, target: Any, sources: Any, *rest: Any, **more: Any) -> Any:
        asked.append(len(sources))
        return original(tape, target, sources, *rest, **more)

    monkeypatch.setattr(backprop, "gradients", counted)
    gradlint.check(made(*(layers.Dense(8, activation="tanh") for _ in range(5))))
    assert asked == [1], "the input alone"
    asked.clear()
    gradlint.check(
        made(*(layers.Dense(8, activation="tanh") for _ in range(5)), compiled=True),
        {"x": np.random.default_rng(0).normal(size=(4, 6)), "y": np.arange(4.0)},
    )
    assert asked[-1] == 13, "the input and twelve variables, which the optimizer's first update needs"


@pytest.mark.parametrize(("room", "times"), [(backward._ROOM, 1), (0, 2)])
def test_gradients_of_zero_are_kept_as_they_come_by_where_there_is_room(
    room: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    found: list[tuple[Any, Any]] = []
    original, slopes_of = backprop.gradients, backward.slopes_of

    def counted(*given: Any, **more: Any) -> Any:
        asked.append(1)
        return original(*given, **more)

    def seen(*given: Any, **more: Any) -> Any:
        with monkeypatch.context() as inner:
            inner.setattr(backprop, "gradients", counted)
            found.append(slopes_of(*given, **more))
        return found[-1]

    monkeypatch.setattr(backward, "_ROOM", room)
    monkeypatch.setattr(runner, "slopes_of", seen)
    gradlint.check(made(layers.Dense(4), dead(), compiled=True), probes=0)
    slopes, reduced = found[0]
    assert len(asked) == times * len(found)
    zero = [index for index, gradient in reduced.items() if gradient.state is GradientState.ZERO]
    assert zero
    assert all(slopes[index] is not None for index in zero)


def test_the_collector_rests_while_a_run_is_recorded_and_no_longer() -> None:
    seen: list[bool] = []

    class Looking(layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            seen.append(gc.isenabled())
            return x * 1.0

    class Failing(Looking):
        def call(self, x: Any) -> Any:
            if seen:
                raise ValueError("no")
            return super().call(x)

    model = made(Looking())
    seen.clear()
    assert gc.isenabled()
    gradlint.check(model)
    assert set(seen) == {False}
    assert gc.isenabled()
    seen.clear()
    failing = made(Failing())
    with pytest.raises(gradlint.ModelRunError, match="no"):
        gradlint.check(failing)
    assert gc.isenabled()
