"""The three systems: each careless form is found with its true cause, each right form is clean."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import systems
import tensorflow as tf
from running import FIXTURES

import gradlint
from gradlint import GradientState

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint import Finding, Result

BY_FILE = [
    ("concat_dense", "concat_dense"),
    ("custom_loss", "custom_loss"),
    ("sequence_vector", "sequence_vector"),
]


def saved(model: str, sample: str, **options: object) -> Result:
    return gradlint.check(
        FIXTURES / f"{model}.keras", FIXTURES / f"{sample}.npz", imports=[str(FIXTURES / "systems.py")], **options
    )


def codes(result: Result) -> list[tuple[str, str]]:
    return [(finding.code, str(finding.severity)) for finding in result.findings]


def only(result: Result, code: str) -> Finding:
    (found,) = [finding for finding in result.findings if finding.code == code]
    return found


def gradients(result: Result) -> dict[str, str]:
    return {status.key: str(status.gradient) for status in result.inputs}


def line_of(text: str) -> int:
    """The number of the only line of `fixtures/systems.py` with this text."""
    lines = (FIXTURES / "systems.py").read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


# -- the right forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "sample"), BY_FILE)
def test_right_form_is_clean(model: str, sample: str) -> None:
    result = saved(model, sample)
    assert codes(result) == []
    assert result.skipped == ()
    assert {status.gradient for status in result.inputs} == {GradientState.FINITE}
    assert {status.gradient for status in result.variables} == {GradientState.FINITE}
    # Each input feeds its own tower; what comes after both is on both branches.
    assert all(0 < status.reached < len(result.variables) for status in result.inputs)


def test_both_towers_of_the_first_system_are_reached() -> None:
    result = gradlint.check(systems.concat_dense(), systems.concat_dense_sample())
    assert codes(result) == []
    assert [status.reached for status in result.inputs] == [6, 6]


def test_both_towers_of_the_saved_first_system_are_reached() -> None:
    # Keras loads nested Sequential models with the same paths for both: hidden/kernel, hidden/kernel.
    result = saved("concat_dense", "concat_dense")
    assert [status.reached for status in result.inputs] == [6, 6]


# -- 1. concatenate and dense ------------------------------------------------------------------------


def test_towers_built_and_never_called() -> None:
    combined, tower1, tower2 = systems.concat_dense_careless()
    result = gradlint.check(combined, systems.concat_dense_sample(), models=[tower1, tower2])
    assert codes(result) == [("GL102", "error")] * len(result.findings)
    assert not result.ok
    victims = {path for finding in result.findings for path in finding.variables}
    assert victims == {variable.path for tower in (tower1, tower2) for variable in tower.variables}
    assert {finding.cause.layer for finding in result.findings} == {"tower1", "tower2"}


def test_a_file_cannot_hold_what_was_never_part_of_the_model() -> None:
    result = saved("concat_dense_careless", "concat_dense")
    assert codes(result) == []
    assert len(result.variables) == 2


def test_towers_kept_as_attributes_and_never_called() -> None:
    result = saved("concat_dense_kept_careless", "concat_dense")
    assert codes(result) == [("GL102", "error")] * 2
    first, second = result.findings
    assert (first.cause.layer, first.cause.line) == ("tower1", line_of("self.tower1 = tower(1)"))
    assert (second.cause.layer, second.cause.line) == ("tower2", line_of("self.tower2 = tower(2)"))
    assert first.cause.file is not None
    assert Path(first.cause.file).name == "systems.py"
    assert len(first.variables) == len(second.variables) == 4


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_keras_aligns_one_label_with_one_prediction(shape: tuple[int, ...]) -> None:
    sample = {**systems.concat_dense_sample(1), "y": np.ones(shape, "float32")}
    result = gradlint.check(systems.concat_dense(), sample)
    assert codes(result) == []
    inputs = {key: tf.constant(sample[key]) for key in ("model1", "model2")}
    model = systems.concat_dense()
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        # -log p, whatever the shape of the label.
        loss = tf.reduce_mean(-tf.math.log(model(inputs)))
    expected = tape.gradient(loss, inputs)
    for status in result.inputs:
        np.testing.assert_allclose(status.norm, tf.norm(expected[status.key]), rtol=1e-5)


def squared(y: object, prediction: object) -> object:
    return tf.reduce_mean(tf.square(y - prediction))


@pytest.mark.parametrize(("batch", "expected"), [(1, []), (8, [("GL405", "error")])])
def test_a_loss_by_hand_broadcasts_flat_labels_of_more_than_one(batch: int, expected: list[object]) -> None:
    sample = systems.concat_dense_sample(batch)
    sample["y"] = sample["y"][:, 0]
    result = gradlint.check(systems.concat_dense(), sample, loss=squared)
    assert codes(result) == expected
    for finding in result.findings:
        assert finding.evidence["result_shape"] == [8, 8]
        assert finding.cause.line == inspect.getsourcelines(squared)[1] + 1


# -- 2. two models and a custom loss -----------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
def test_a_loss_that_reads_one_output_of_three(live: bool) -> None:
    result = (
        gradlint.check(systems.custom_loss_careless(), systems.custom_loss_sample())
        if live
        else saved("custom_loss_careless", "custom_loss")
    )
    assert codes(result) == [("GL106", "error")]
    (finding,) = result.findings
    assert finding.inputs == ("model2",)
    assert set(finding.variables) == {"tower2/kernel", "tower2/bias"}
    assert set(finding.evidence["outputs"]) == {"tower2", "total"}
    assert gradients(result) == {"model1": "finite", "model2": "absent"}


def test_one_label_broadcasts_against_a_row_of_predictions() -> None:
    result = saved("custom_loss", "custom_loss_broadcast")
    assert codes(result) == [("GL405", "error")]
    (finding,) = result.findings
    assert finding.inputs == ("y",)
    assert finding.evidence["label_shape"] == [1]
    assert finding.evidence["prediction_shape"] == [1, 64]
    assert finding.cause.line == line_of("return disagreement +")
    assert finding.cause.layer == "total"


def test_labels_of_the_right_shape_do_not_broadcast() -> None:
    assert codes(gradlint.check(systems.custom_loss(), systems.custom_loss_sample(1))) == []


def test_a_compiled_loss_for_one_output_of_three() -> None:
    model = systems.three_outputs(keras.Model)
    named = keras.Model(model.inputs, dict(zip(model.output_names, model.outputs, strict=True)), name="named")
    named.compile("adam", loss={"tower1": "mse"})
    sample = systems.custom_loss_sample()
    sample["y:tower1"] = sample.pop("y")
    finding = only(gradlint.check(named, sample), "GL106")
    assert finding.inputs == ("model2",)
    assert set(finding.variables) == {"tower2/kernel", "tower2/bias"}


# -- 3. sequence and vector --------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True])
def test_nine_of_ten_time_steps_receive_no_gradient(live: bool) -> None:
    result = (
        gradlint.check(systems.sequence_vector_careless()[0], systems.sequence_vector_sample())
        if live
        else saved("sequence_vector_careless", "sequence_vector")
    )
    assert codes(result) == [("GL205", "warning")]
    (finding,) = result.findings
    assert finding.inputs == ("model1",)
    assert finding.evidence["slices"] == list(range(9))
    assert (finding.evidence["axis"], finding.evidence["length"]) == (1, 10)
    assert finding.cause.op == "StridedSlice"
    assert result.ok


def test_a_warning_fails_when_asked_to() -> None:
    assert not saved("sequence_vector_careless", "sequence_vector", fail_on="warning").ok


def test_the_lstm_that_is_never_called() -> None:
    model, lstm = systems.sequence_vector_careless()
    result = gradlint.check(model, systems.sequence_vector_sample(), models=[lstm])
    finding = only(result, "GL102")
    assert str(finding.severity) == "error"
    assert len(finding.variables) == 3
    assert finding.cause.layer.startswith("lstm")
    assert only(result, "GL205").inputs == ("model1",)


# -- a callable that returns a loss ------------------------------------------------------------------


def by_hand(read: Callable[[object, object], object]) -> tuple[Callable[[dict[str, object]], object], list[object]]:
    tower1, tower2 = systems.tower(1), systems.tower(2)

    def loss(sample: dict[str, object]) -> object:
        joined = read(tower1(sample["model1"]), tower2(sample["model2"]))
        return tf.reduce_mean(tf.square(joined - sample["y"]))

    return loss, [tower1, tower2]


def test_a_callable_that_reads_both_towers() -> None:
    loss, models = by_hand(lambda one, two: one + two)
    assert codes(gradlint.check(loss, systems.concat_dense_sample(), models=models)) == []


def test_a_callable_that_drops_a_tower() -> None:
    loss, models = by_hand(lambda one, two: one)
    result = gradlint.check(loss, systems.concat_dense_sample(), models=models)
    assert not result.ok
    assert gradients(result) == {"model1": "finite", "model2": "absent"}
    victims = {path for finding in result.findings for path in finding.variables}
    assert victims == {variable.path for variable in models[1].variables}


def test_the_assertion_shows_the_report() -> None:
    combined, tower1, tower2 = systems.concat_dense_careless()
    gradlint.assert_gradients_flow(systems.concat_dense(), systems.concat_dense_sample())
    with pytest.raises(AssertionError, match=r"(?s)gradients do not flow.*GL102.*tower1.*error"):
        gradlint.assert_gradients_flow(combined, systems.concat_dense_sample(), models=[tower1, tower2])
