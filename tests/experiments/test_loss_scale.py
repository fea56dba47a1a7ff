"""Half precision: the loss is tried as the compiled optimizer would scale it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import gradlint
from gradlint import Severity

RNG = np.random.default_rng(0)


def alarms(scaled: bool, *, dead: bool = False) -> list[tuple[str, str | None]]:
    """Findings on float16 layers behind a residual so small that their gradients underflow."""
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    half = {"padding": "same", "activation": "tanh", "dtype": "mixed_float16"}
    h = layers.Conv2D(4, 3, name="down", **half)(image)
    h = layers.Conv2D(4, 3, name="mid", **half)(h)
    if dead:
        h = layers.Rescaling(0.0, offset=1.0, dtype="mixed_float16", name="nothing")(h)
    small = keras.initializers.RandomNormal(0.0, 1e-3, seed=1)
    model = keras.Model(image, layers.Conv2D(3, 3, padding="same", kernel_initializer=small, dtype="float32")(h))
    optimizer = keras.optimizers.Adam(1e-3)
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer) if scaled else optimizer, "mse", auto_scale_loss=False)
    x = RNG.uniform(size=(8, 12, 12, 3)).astype("float32")
    result = gradlint.check(model, {"image": x, "y": (1e-3 * RNG.normal(size=x.shape)).astype("float32")})
    return [(f.code, f.cause.layer) for f in result.findings if f.severity is not Severity.INFO]


@pytest.mark.parametrize("scaled", [True, False])
def test_what_the_loss_scale_rescues_is_no_finding(scaled: bool) -> None:
    codes = {code for code, _ in alarms(scaled)}
    assert ("GL305" in codes) is not scaled


def test_what_stays_zero_is_one_with_a_loss_scale_too() -> None:
    assert ("GL201", "nothing") in alarms(True, dead=True)
