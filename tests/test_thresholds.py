from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import gradlint
from gradlint.cli import main
from gradlint.errors import UsageError
from gradlint.thresholds import DEFAULT_THRESHOLDS, NAMES, thresholds_from

CONFIGURATION = Path(__file__).parent.parent / "docs" / "configuration.md"


def saturated_model(folder):
    """A sigmoid of which one element in two is saturated, and the path of its sample."""
    keras.utils.set_random_seed(0)
    x = keras.Input((1,), name="x")
    h = keras.layers.Dense(2, activation="sigmoid", name="h", bias_initializer="zeros")(x)
    model = keras.Model({"x": x}, keras.layers.Dense(1, name="out")(h))
    model.get_layer("h").set_weights([np.array([[1.0, -20.0]]), np.zeros(2)])
    model.compile("sgd", "mse")
    model.save(folder / "m.keras")
    np.savez(folder / "s.npz", x=np.array([[1.0], [2.0], [1.5]], "float32"), y=np.ones((3, 1), "float32"))
    return str(folder / "m.keras"), str(folder / "s.npz")


def test_the_share_of_saturated_elements(tmp_path, capsys):
    model, sample = saturated_model(tmp_path)
    assert "GL203" not in [f.code for f in gradlint.check(model, sample).findings]
    lower = gradlint.check(model, sample, thresholds={"saturated-share": 0.5})
    assert "GL203" in [f.code for f in lower.findings]
    assert main([model, sample, "--no-cache", "--format", "concise", "--threshold", "saturated-share=0.5"]) == 0
    assert "GL203" in capsys.readouterr().out


def test_the_slope_of_a_saturated_element(tmp_path):
    model, sample = saturated_model(tmp_path)
    flatter = gradlint.check(model, sample, thresholds={"saturated-share": 0.5, "saturated-slope": 1e-38})
    assert "GL203" not in [f.code for f in flatter.findings]


def test_names_and_defaults_are_those_of_the_document():
    text = CONFIGURATION.read_text()
    for name in NAMES:
        assert f"{name} = {getattr(DEFAULT_THRESHOLDS, name.replace('-', '_')):g}".replace("e-06", "e-6") in text


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"saturated_share": 0.5}, "did you mean saturated-share"),
        ({"colour": 1}, "there are saturated-slope,"),
        ({"trend-kernels": 1}, "from 3 to"),
        ({"unused-tail": "much"}, "must be a number"),
        ({"trend-orders": float("nan")}, "must be a number"),
    ],
)
def test_what_makes_no_sense_is_refused(values, message):
    with pytest.raises(UsageError, match=message):
        thresholds_from(values)


@pytest.mark.parametrize("text", ["saturated-share", "saturated-share=much", "saturated-share=7", "share=0.5"])
def test_the_command_line_refuses_too(text, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["m.keras", "--threshold", text])
    assert ended.value.code == 2
    assert "--threshold" in capsys.readouterr().err
