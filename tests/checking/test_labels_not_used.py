from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint

X, ONES = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


@pytest.fixture(scope="module")
def outputs():
    x = keras.Input((2,), name="x")
    return x, {name: keras.layers.Dense(1, name=name)(x) for name in ("reg", "cls")}


def notes_of(outputs, sample, loss=None):
    model = keras.Model(*outputs)
    if loss is not None:
        model.compile("sgd", loss)
    return gradlint.check(model, {"x": X, **sample}, select=["GL101"]).notes


def test_the_output_without_labels_is_named(outputs):
    """A random projection of the outputs was checked instead, which was fine, where `fit` fails."""
    said = "labels for 'reg' and none for 'cls', .* fit would fail: add the label array 'y:cls', or compile without"
    for loss in ("mse", {"reg": "mse", "cls": "mse"}):
        with pytest.raises(gradlint.SampleError, match=said):
            notes_of(outputs, {"y:reg": ONES}, loss)
    assert notes_of(outputs, {"y:reg": ONES}, {"reg": "mse"}) == ()


def test_labels_of_a_model_that_is_not_compiled_are_said_to_be_unused(outputs):
    (note,) = notes_of(outputs, {"reg": ONES, "cls": ONES})
    assert note.startswith("the labels 'cls', 'reg' are not used: the model is not compiled; compile it")


def test_labels_that_are_used_are_no_news(outputs):
    assert notes_of(outputs, {"reg": ONES, "cls": ONES}, {"reg": "mse", "cls": "mse"}) == ()
    assert notes_of(outputs, {}) == ()


def test_a_label_for_an_output_that_is_not_there_is_an_error_as_in_fit(outputs):
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    result = gradlint.check(model, (X, {"reg": ONES, "clss": ONES}))
    assert [(finding.code, finding.severity.value) for finding in result.findings] == [("GL402", "error")]
    assert result.findings[0].message.endswith("whose outputs are 'cls', 'reg'. Did you mean 'cls'?")


def test_weights_by_output_weigh_their_outputs(outputs):
    """They were taken for inputs that the model does not have, and counted for nothing."""
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    weights = {"reg": np.zeros(4, "float32"), "cls": np.ones(4, "float32")}
    result = gradlint.check(model, (X, {"reg": ONES, "cls": ONES}, weights), select=["GL1", "GL402"])
    assert result.sample == "1 input of 4 rows, labels y:cls, y:reg, sample weights"
    states = {status.path: status.gradient.value for status in result.variables}
    assert (states["reg/kernel"], states["cls/kernel"]) == ("zero", "finite")


def test_losses_in_a_list_go_to_the_outputs_in_their_order(outputs):
    result = gradlint.check(keras.Model(*outputs), (X, {"reg": ONES, "cls": ONES}), loss=["mse", None])
    assert {status.path: status.gradient.value for status in result.variables}["reg/kernel"] == "absent"
    assert result.loss == "cls: as asked"  # in the order of their keys, as in fit


@pytest.mark.parametrize(("loss", "said"), [("msee", "did you mean 'mse'"), ({"reg": "mse"}, "one output, by no name")])
def test_a_loss_that_does_not_fit_is_answered_with_one_that_does(outputs, loss, said):
    with pytest.raises(gradlint.UsageError, match=said):
        gradlint.check(keras.Model(outputs[0], outputs[1]["reg"]), (X, ONES), loss=loss)


def test_a_column_too_many_is_asked_after():
    pandas = pytest.importorskip("pandas")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0], "price": [0.0, 1.0]})
    with pytest.raises(gradlint.SampleError, match=r"one more than the 2 .* holds the labels, targets=\['price'\]"):
        gradlint.check(model, frame)
    assert gradlint.check(model, frame, targets="price").sample.endswith("labels price")


def test_a_target_that_is_not_there_is_told_in_the_words_of_python(outputs):
    """It read: targets=['names'] the sample key 'nothing'."""
    with pytest.raises(gradlint.UsageError, match=r"^targets names the sample key 'nothing', which does not exist"):
        gradlint.check(keras.Model(*outputs), (X, {"reg": ONES}), targets="nothing")
    with pytest.raises(gradlint.UsageError, match=r"the sample has 'x', 'y:reg'; did you mean 'y:reg'\?$"):
        gradlint.check(keras.Model(*outputs), {"x": X, "y:reg": ONES}, targets="y_reg")
    with pytest.raises(gradlint.UsageError, match=r"causal names 'xx'; the inputs are 'x'; did you mean 'x'\?$"):
        gradlint.check(keras.Model(*outputs), X, causal="xx")
    with pytest.raises(gradlint.UsageError, match="'z' and mapping names the input 'w', which do not exist"):
        gradlint.check(keras.Model(*outputs), X, mapping={"w": "z"})


@pytest.mark.parametrize(
    "keys",
    ["y_reg y_cls", "reg_y cls_y", "target_reg label_cls", "Y-Reg y.cls", "y_train_reg cls_true", "reg y_cls"],
)
def test_labels_under_the_names_of_their_outputs_and_words_for_labels_are_taken(outputs, keys, tmp_path):
    """They were left out, and a random projection of the outputs was checked in place of the compiled loss."""
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    sample = {"x": X, **dict.fromkeys(keys.split(), ONES)}
    np.savez(tmp_path / "sample.npz", **sample)
    for given in (sample, tmp_path / "sample.npz"):
        result = gradlint.check(model, given, select=["GL1", "GL402"])
        assert result.findings == ()
        assert "compiled loss" in result.loss
        assert result.sample.startswith("1 input of 4 rows, labels ")


def test_a_label_of_which_two_could_be_meant_is_not_taken_but_named(outputs):
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    found = gradlint.check(model, {"x": X, "y_reg": ONES, "reg_y": ONES, "y2": ONES}, select=["GL402"]).findings
    said = {finding.inputs[0]: finding.message for finding in found}
    assert set(said) == {"y_reg", "reg_y", "y2"}
    assert said["y_reg"].endswith("Did you mean 'y:reg'?")
    assert said["y2"].endswith("say of which output: 'y:cls', 'y:reg'")


def test_weights_under_the_names_of_their_outputs_are_taken(outputs):
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    weights = {"weight_reg": np.zeros(4, "float32"), "cls_sample_weight": np.ones(4, "float32")}
    result = gradlint.check(model, {"x": X, "y_reg": ONES, "y_cls": ONES, **weights}, select=["GL1", "GL402"])
    states = {status.path: status.gradient.value for status in result.variables}
    assert (states["reg/kernel"], states["cls/kernel"]) == ("zero", "finite")


def test_one_array_for_labels_of_two_outputs_is_told_without_the_words_of_keras(outputs):
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    with pytest.raises(gradlint.GradlintError, match=r"the labels are one array.*: call them 'cls', 'reg'$"):
        gradlint.check(model, (X, ONES))


@pytest.mark.parametrize("name", ["CLS", "klass"])
def test_labels_of_the_only_output_without_any_are_meant_for_it(outputs, name):
    """It was counted as an input, and was to be removed."""
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    result = gradlint.check(model, (X, {"reg": ONES, name: ONES}))
    (finding,) = result.findings
    assert finding.message.startswith(f"the sample's '{name}' is for no output of the model, ")
    assert finding.message.endswith(". Did you mean 'cls'?")
    assert finding.advice == f"Rename '{name}' to 'cls': labels go by the names of the outputs."
    assert result.sample == "1 input of 4 rows, labels y:reg"


def test_labels_are_called_as_they_were_given(outputs):
    model = keras.Model(*outputs)
    model.compile("sgd", {"reg": "mse", "cls": "mse"})
    for sample, name in (((X, {"reg": ONES}), "cls"), ({"x": X, "y:reg": ONES}, "y:cls")):
        with pytest.raises(gradlint.SampleError, match=f"add the label array '{name}', or compile"):
            gradlint.check(model, sample)
