"""One seed covers all randomness: that of Keras's own generators, too."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint


def norms(python_seed: int, seed: int = 0) -> list[float | None]:
    """The gradient norms of a model with Dropout that a fresh process would have made."""
    state = random.getstate()
    random.seed(python_seed)  # Keras starts a generator without a seed from here.
    try:
        x = keras.Input((8,), name="x")
        h = keras.layers.Dropout(0.5)(keras.layers.Dense(16, kernel_initializer="ones")(x))
        model = keras.Model(x, keras.layers.Dense(1, kernel_initializer="ones")(h))
    finally:
        random.setstate(state)
    before = [np.array(variable) for variable in model.variables]
    result = gradlint.check(model, {"x": np.ones((4, 8), "float32")}, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.variables, strict=True))
    return [variable.norm for variable in result.variables]


def test_the_same_seed_gives_the_same_numbers_whatever_the_generators_were() -> None:
    assert norms(1) == norms(2)


def test_another_seed_draws_anew() -> None:
    assert norms(1, seed=0) != pytest.approx(norms(1, seed=1))


def step_norms(python_seed: int) -> list[float | None]:
    """The same of a training step."""
    random.seed(python_seed)
    net = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, kernel_initializer="ones")])
    net.add(keras.layers.Dropout(0.5))
    before = [np.array(variable) for variable in net.variables]

    def step(x: np.ndarray) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(net(x, training=True)))
        tape.gradient(loss, net.trainable_variables)

    result = gradlint.check_step(step, (np.ones((4, 8), "float32"),), models=[net])
    assert all(np.array_equal(a, b) for a, b in zip(before, net.variables, strict=True))
    return [variable.norm for variable in result.variables]


def test_a_step_starts_the_generators_of_its_models_too() -> None:
    assert step_norms(1) == step_norms(2)
