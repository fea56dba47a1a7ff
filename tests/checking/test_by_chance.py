"""What looks like a mistake by the numbers of this sample alone, and what does not look like one and is."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint


class Stand(keras.layers.Layer):
    """A learned default where a flag says that there is nothing."""

    def build(self, values_shape, flag_shape):
        self.default = self.add_weight(name="default", shape=(values_shape[-1],), initializer="uniform")

    def call(self, values, flag):
        return keras.ops.where(flag > 0.5, values, self.default)


def test_a_batch_as_long_as_a_vector_of_parameters() -> None:
    generator = np.random.default_rng(0)
    values, flag = keras.Input((8,), name="values"), keras.Input((1,), name="flag")
    model = keras.Model({"values": values, "flag": flag}, keras.layers.Dense(1)(Stand()(values, flag)))
    model.compile("sgd", "mse")
    sample = {"values": generator.normal(size=(8, 8)), "flag": np.arange(8)[:, None] % 2, "y": np.ones((8, 1))}
    found = gradlint.check(model, {key: np.asarray(array, "float32") for key, array in sample.items()}).findings
    assert "GL405" not in {finding.code for finding in found}


@pytest.mark.parametrize(("scale", "is_told"), [(1e5, True), (1.0, False)])
def test_a_gate_on_columns_that_nobody_scales(scale: float, is_told: bool) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    scaled = keras.layers.LayerNormalization()(x)
    gated = keras.layers.Dense(6, activation="sigmoid", name="gate")(x) * keras.layers.Dense(6, "tanh")(scaled)
    model = keras.Model(x, keras.layers.Dense(1)(gated))
    model.compile("adam", "mse")
    x = np.random.default_rng(0).uniform(0.5, 2.0, (16, 4)) * scale
    found = gradlint.check(model, {"x": x.astype("float32"), "y": np.ones((16, 1), "float32")}).findings
    told = [(f.code, f.severity.value, f.cause.layer) for f in found if f.severity is not gradlint.Severity.INFO]
    assert told == ([("GL203", "warning", "gate")] if is_told else [])


@pytest.mark.parametrize(("activation", "is_told"), [("relu", True), ("tanh", False)])
def test_a_coefficient_of_a_second_derivative(activation: str, is_told: bool) -> None:
    keras.utils.set_random_seed(0)
    widths = [keras.layers.Dense(8, activation, name=f"fc{i}") for i in range(2)]
    network = keras.Sequential([keras.Input((2,)), *widths, keras.layers.Dense(1, name="u")])
    coefficient, optimizer = tf.Variable(0.0, name="coefficient"), keras.optimizers.Adam()

    def step(x, t):
        x, t = tf.constant(x), tf.constant(t)
        with tf.GradientTape() as tape:
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape(persistent=True) as first:
                    first.watch([x, t])
                    u = network(tf.concat([x, t], 1))
                slope, rate = first.gradient(u, x), first.gradient(u, t)
            loss = tf.reduce_mean((rate - tf.exp(coefficient) * second.gradient(slope, x)) ** 2)
        variables = [coefficient, *network.trainable_variables[:-1]]
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    x, t = np.random.default_rng(0).uniform(size=(2, 16, 1)).astype("float32")
    told = [f for f in gradlint.check_step(step, x, t, variables=[coefficient]).findings if f.code == "GL201"]
    assert [finding.severity.value for finding in told] == (["warning"] if is_told else [])
    assert not is_told or "the rectifiers of" in told[0].message


@pytest.mark.parametrize(
    ("loss", "labels", "advice"),
    [
        ("categorical_crossentropy", np.arange(6) % 3, "sparse_categorical_crossentropy"),
        ("sparse_categorical_crossentropy", np.eye(3)[np.arange(6) % 3], "sparse_categorical_crossentropy"),
    ],
    ids=["numbers", "rows"],
)
def test_labels_of_another_form_than_the_loss_wants(loss: str, labels: np.ndarray, advice: str) -> None:
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(3, "softmax")(x))
    model.compile("sgd", loss)
    (finding, *_) = gradlint.check(model, {"x": np.ones((6, 4), "float32"), "y": labels.astype("int32")}).findings
    assert advice in f"{finding.message} {finding.advice}"
    assert "Flatten" not in finding.advice


def test_ids_that_a_table_has_no_row_for() -> None:
    x = keras.Input((5,), dtype="int32", name="x")
    model = keras.Model(x, keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Embedding(50, 3)(x))))
    model.compile("sgd", "mse")
    sample = {"x": np.full((4, 5), 60, "int32"), "y": np.ones((4, 1), "float32")}
    (finding, *_) = gradlint.check(model, sample).findings
    assert "input_dim" in finding.advice


def test_weights_of_classes_that_cross_the_losses() -> None:
    def weighted(y, predicted):
        losses = keras.losses.sparse_categorical_crossentropy(tf.cast(y, tf.int32), predicted)
        return tf.gather(tf.constant([1.0, 2.0, 3.0]), tf.cast(y, tf.int32)) * losses

    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(3, "softmax")(x))
    model.compile("sgd", weighted)
    sample = {"x": np.random.default_rng(0).normal(size=(6, 4)).astype("float32"), "y": np.arange(6)[:, None] % 3}
    found = gradlint.check(model, sample).findings
    assert ("GL405", "Mul") in {(finding.code, finding.cause.op) for finding in found}
    sample["y"] = sample["y"][:, 0]
    assert "GL405" not in {finding.code for finding in gradlint.check(model, sample).findings}
