"""A value of which only the shape is read, as that of a state by `zeros_like`, is told where it is let fall."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import tensorflow as tf

import gradlint

X = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")


def _step(keeps: bool):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5, 3))
    encoder = keras.Model(inputs, keras.layers.GRU(4, name="gru")(inputs), name="encoder")
    decoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="out")], name="decoder")
    optimizer = keras.optimizers.SGD()

    def step(x):
        variables = encoder.trainable_variables + decoder.trainable_variables
        with tf.GradientTape() as tape:
            state = encoder(x)
            state = state if keeps else tf.zeros_like(state)
            loss = tf.reduce_mean(tf.square(decoder(state) - 1.0))
        pairs = zip(tape.gradient(loss, variables), variables, strict=True)
        optimizer.apply_gradients((gradient, variable) for gradient, variable in pairs if gradient is not None)

    return step


def test_is_told_where_the_zeros_are_made() -> None:
    step = _step(keeps=False)
    lines, first = inspect.getsourcelines(step)
    finding = next(f for f in gradlint.check_step(step, X).findings if f.code == "GL102")
    assert (finding.cause.layer, finding.cause.op) == ("encoder/gru/gru_cell", "ZerosLike")
    assert "zeros_like(state)" in lines[finding.cause.line - first]
    assert "only the shape of the result is read, by ZerosLike" in finding.message
    assert len(finding.variables) == 3


def test_a_state_that_is_read_is_none() -> None:
    assert gradlint.check_step(_step(keeps=True), X).findings == ()
