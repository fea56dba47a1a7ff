"""SavedModels: what `tf.saved_model.load` gives is run operation by operation, like a model with its code."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")


class Hard(keras.layers.Layer):
    def call(self, x):
        return keras.ops.round(x)


def recurrent(cut: bool) -> keras.Model:
    """Its export holds nested functions, and a loop over time."""
    inputs = keras.Input((5, 3), name="steps")
    hidden = keras.layers.LSTM(4, name="memory")(inputs)
    return keras.Model(inputs, keras.layers.Dense(1, name="head")(Hard()(hidden) if cut else hidden))


def exported(model: keras.Model, folder) -> str:
    model.export(folder, verbose=False)
    return str(folder)


def test_a_cut_inside_is_named_with_all_that_it_costs(tmp_path) -> None:
    """It was: TensorFlow has no gradient for __forward_restored_function_body_1507 … raises LookupError."""
    loaded = tf.saved_model.load(exported(recurrent(cut=True), tmp_path / "cut"))
    (finding,) = gradlint.check(loaded, X).failures
    assert (finding.code, finding.cause.op, len(finding.variables)) == ("GL103", "Round", 3)
    assert all(path.startswith("memory/") for path in finding.variables)


def test_its_gradients_are_those_of_tensorflow(tmp_path) -> None:
    model = recurrent(cut=False)
    loaded = tf.saved_model.load(exported(model, tmp_path / "healthy"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loaded.serve(X) ** 2)
    expected = [float(tf.norm(slope)) for slope in tape.gradient(loss, loaded.trainable_variables)]
    result = gradlint.check(
        lambda sample: tf.reduce_sum(loaded.serve(sample["x"]) ** 2), X, variables=loaded.trainable_variables
    )
    assert result.ok
    assert [status.norm for status in result.variables] == pytest.approx(expected, rel=1e-4)
    before = [variable.numpy() for variable in loaded.variables]
    assert gradlint.check(loaded, (X, np.ones((8, 1)))).ok
    assert all(np.array_equal(one, two) for one, two in zip(before, [v.numpy() for v in loaded.variables], strict=True))


def test_branches_go_as_the_values_decide(tmp_path) -> None:
    class Branching(tf.Module):
        def __init__(self):
            self.weight, self.other = tf.Variable(tf.ones((3, 2)), name="w"), tf.Variable(tf.ones((3, 2)), name="o")

        @tf.function(input_signature=[tf.TensorSpec((None, 3))])
        def __call__(self, x):
            return x @ self.weight if tf.reduce_sum(x) > 0 else tf.sign(x @ self.other)

    tf.saved_model.save(Branching(), str(tmp_path / "branching"))
    loaded = tf.saved_model.load(str(tmp_path / "branching"))
    ones = np.ones((4, 3), "float32")
    states = [
        {status.path: status.gradient.value for status in gradlint.check(loaded, sample).variables}
        for sample in (ones, -ones)
    ]
    assert [next(iter(found.values())) for found in states] == ["finite", "absent"]


def test_inputs_go_by_the_names_of_the_signature(tmp_path) -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    stopped = keras.ops.stop_gradient(keras.layers.Dense(3, name="lost")(b))
    model = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Concatenate()([a, stopped])))
    loaded = tf.saved_model.load(exported(model, tmp_path / "two"))
    (finding,) = gradlint.check(loaded, {"a": X[:, 0], "b": X[:, 1]}).failures
    assert (finding.code, finding.inputs) == ("GL104", ("b",))
    with pytest.raises(gradlint.UsageError, match="the signature takes a, b; the sample has a"):
        gradlint.check(loaded, {"a": X[:, 0]})
    with pytest.raises(gradlint.UsageError, match="a SavedModel needs a sample, with arrays for a, b"):
        gradlint.check(loaded)


def test_a_layer_around_one_is_looked_into(tmp_path) -> None:
    layer = keras.layers.TFSMLayer(exported(recurrent(cut=True), tmp_path / "inner"), call_endpoint="serve")
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(3, name="before"), layer])
    (finding,) = gradlint.check(model, X).failures
    assert finding.cause.op == "Round"
    assert any("before" in path for path in finding.variables)


def test_a_folder_runs_what_is_in_it_and_is_loaded_where_it_is_trusted(tmp_path) -> None:
    folder = exported(recurrent(cut=True), tmp_path / "folder")
    with pytest.raises(gradlint.ModelFileError, match=r"folder is a SavedModel: .* trust_model=True checks"):
        gradlint.check(folder, X)
    result = gradlint.check(folder, X, trust_model=True)
    assert (result.target, [finding.code for finding in result.failures]) == (folder, ["GL103"])
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"?")
    with pytest.raises(gradlint.ModelFileError, match="TensorFlow cannot load the SavedModel"):
        gradlint.check(str(tmp_path / "broken"), X, trust_model=True)


def test_without_a_signature_it_says_how_to_check_it(tmp_path) -> None:
    module = tf.Module()
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "bare"))
    with pytest.raises(gradlint.UsageError, match="has no signature; write a function that calls it"):
        gradlint.check(tf.saved_model.load(str(tmp_path / "bare")), X)
