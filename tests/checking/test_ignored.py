"""Rules that are not to run are named in the report."""

import keras
import numpy as np

import gradlint


def test_a_report_says_what_was_not_looked_for(tmp_path):
    """Without it, no finding looks like none to find."""
    x = keras.Input((2,), name="x")
    model = keras.Model(x, keras.layers.Dense(1)(keras.layers.Rescaling(0.0)(x)))
    said = "not looked for, since it is ignored: GL2"
    assert said in gradlint.check(model, np.ones((4, 2), "float32"), ignore="GL2").notes
    assert said not in gradlint.check(model, np.ones((4, 2), "float32"), select="GL1").notes
    (tmp_path / "step.py").write_text("import tensorflow\n")
    assert gradlint.check_source(tmp_path / "step.py", ignore=["GL603"]).notes == (
        "not looked for, since it is ignored: GL603",
    )
    assert gradlint.check_source(tmp_path / "step.py", ignore=["GL205"]).notes == ()


def test_an_input_that_is_not_there_gets_advice_that_fits():
    """Nothing in the sample could be renamed."""
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.Concatenate()([left, right])))
    array = np.ones((4, 2), "float32")
    result = gradlint.check(model, {"left": array})
    assert result.advice(result.findings[0]) == "Put an array called 'right' into the sample, too."
    result = gradlint.check(model, {"left": array, "rite": array})
    assert "Rename" in result.advice(result.findings[0])
