from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint
from gradlint.report import verdict
from gradlint.result import ZERO_HERE


def model_of(bias):
    """A satisfied hinge: its slope is zero wherever the margin is kept."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1, name="out")])
    model.compile("sgd", "hinge")
    model.get_layer("out").set_weights([np.array([[1.0], [1.0]], "float32"), np.array([bias], "float32")])
    return model


@pytest.mark.parametrize(
    ("bias", "is_said"),
    [(0.0, True), (0.5, True), (5.0, False), (-9.0, False)],
    ids=["margin kept", "kept by some perturbed ones", "kept by all", "margin missed"],
)
def test_a_zero_of_this_sample_alone_is_said(bias, is_said):
    x = np.array([[1.0, 0.2], [0.9, 0.3], [0.3, 0.8], [2.0, -0.9]], "float32")
    result = gradlint.check(model_of(bias), {"x": x, "y": np.ones((4, 1), "float32")})
    assert not [finding for finding in result.findings if str(finding.severity) != "info"]
    assert (ZERO_HERE in result.notes) is is_said
    assert (ZERO_HERE in verdict.verdict(result)) is is_said
