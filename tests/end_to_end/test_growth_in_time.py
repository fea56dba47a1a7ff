"""Which way a gradient changes along the steps of a recurrence."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize(("spread", "code"), [(0.5, "GL304"), (0.01, "GL303")])
def test_a_wide_recurrent_kernel_makes_gradients_grow_and_a_narrow_one_lets_them_fade(spread, code, go_backwards):
    keras.utils.set_random_seed(0)
    x = keras.Input((60, 3), name="x")
    start = keras.initializers.RandomNormal(stddev=spread)
    layer = keras.layers.SimpleRNN(
        16, "linear" if code == "GL304" else "tanh", recurrent_initializer=start, go_backwards=go_backwards, name="rnn"
    )
    model = keras.Model(x, keras.layers.Dense(1)(layer(x)))
    model.compile("sgd", "mse")
    values = 1e-3 * np.random.default_rng(0).normal(size=(4, 60, 3)).astype("float32")
    result = gradlint.check(model, {"x": values, "y": values[:, 0, :1]}, select=["GL303", "GL304"])
    assert [finding.code for finding in result.findings] == [code]
