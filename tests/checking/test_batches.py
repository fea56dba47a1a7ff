"""The batch as a model's own `train_step` gets it from `fit`."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.load.batch import by_key, first_batch, is_batch, packed

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(8, 5)).astype("float32")
LABELS = (np.arange(8) % 3).astype("int32")


class Unlabelled(keras.Model):
    def __init__(self):
        super().__init__()
        self.net = keras.layers.Dense(5)

    def train_step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.net(x + tf.random.normal(tf.shape(x), dtype=x.dtype)) - x) ** 2)
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights, strict=True)
        )
        return {"loss": loss}


class Pairs(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder, self.probe = keras.layers.Dense(4), keras.layers.Dense(3)

    def train_step(self, data):
        (unlabelled, _), (x, y) = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.encoder(unlabelled) - 1.0))
            loss += tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(y, self.probe(self.encoder(x)), from_logits=True)
            )
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights, strict=True)
        )
        return {"loss": loss}


class LateCall(Unlabelled):
    def train_step(self, x):
        made = self.net(x)  # here
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((made - x) ** 2)
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights, strict=True)
        )


def compiled(model):
    model.compile(optimizer="adam")
    return model


@pytest.mark.parametrize("sample", [ROWS, tf.constant(ROWS), {"x": ROWS}, tf.data.Dataset.from_tensors(ROWS)])
def test_a_step_without_labels_gets_what_fit_gives_it(sample):
    assert gradlint.check(compiled(Unlabelled()), sample).findings == ()


def test_a_nested_batch_is_handed_over_as_it_is():
    one = tf.data.Dataset.from_tensor_slices((ROWS, LABELS)).batch(4)
    dataset = tf.data.Dataset.zip((one, one))
    for sample in (dataset, next(iter(dataset)), {"0/0": ROWS, "0/1": LABELS, "1/x": ROWS, "1/y": LABELS}):
        assert gradlint.check(compiled(Pairs()), sample).findings == ()


def test_a_functional_model_with_a_step_of_its_own_is_not_compared_with_its_input():
    class Twice(keras.Model):
        def train_step(self, data):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(data[0], training=True) - self(data[1], training=True)) ** 2)
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
            )
            return {"loss": loss}

    inputs = keras.Input((5,))
    model = compiled(Twice(inputs, keras.layers.Dense(2, use_bias=False)(inputs)))
    assert gradlint.check(model, {"x": np.stack([ROWS, 2 * ROWS])}).findings == ()


class Contrast(keras.Model):
    """Takes a key from its batch that is no input of the model."""

    def train_step(self, data):
        with tf.GradientTape() as tape:
            near, far = (self({"x": data[key]}, training=True) for key in ("x", "negative"))
            loss = tf.reduce_mean(tf.nn.softplus(far - near**2))
        trainable = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, trainable), trainable, strict=True))
        return {"loss": loss}


def contrast():
    x = keras.Input((5,), name="x")
    model = Contrast({"x": x}, keras.layers.Dense(3, name="dense")(x))
    model.compile("sgd")
    return model


def test_what_only_the_step_takes_from_a_batch_is_its_own():
    batch = {"x": ROWS, "negative": ROWS[::-1].copy()}
    model = contrast()
    assert model.fit(tf.data.Dataset.from_tensors(batch), verbose=0).history["loss"]
    result = gradlint.check(model, batch)
    assert result.ok
    assert result.findings == ()
    assert {status.gradient.value for status in result.variables} == {"finite"}


def test_a_batch_that_lacks_what_the_step_takes_ends_with_its_own_error():
    with pytest.raises(gradlint.GradlintError, match="KeyError: 'negative'"):
        gradlint.check(contrast(), {"x": ROWS, "positive": ROWS})


def test_the_step_of_a_model_is_explained_like_any_other():
    result = gradlint.check(compiled(LateCall()), ROWS)
    assert [finding.code for finding in result.findings] == ["GL102"]
    assert result.target.startswith("late_call")


def test_a_model_that_was_not_compiled_is_told_to():
    with pytest.raises(gradlint.UsageError, match="compile it first"):
        gradlint.check(Unlabelled(), ROWS)


def test_a_model_that_fit_trains_takes_a_batch_apart():
    inputs = keras.Input((5,), name="rows")
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(inputs))
    model.compile("adam", "sparse_categorical_crossentropy")
    result = gradlint.check(model, (ROWS, LABELS))
    assert result.findings == ()
    assert [entry.key for entry in result.inputs] == ["rows"]


def test_an_input_called_sample_weight_is_an_input_where_there_are_no_labels():
    class Endpoint(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            z = self.dense(inputs["rows"])
            self.add_loss(keras.ops.mean(keras.ops.square(z) * inputs["sample_weight"]))
            return z

    result = gradlint.check(compiled(Endpoint()), {"rows": ROWS, "sample_weight": np.ones((8, 1), "float32")})
    assert {entry.key for entry in result.inputs} == {"rows", "sample_weight"}


def test_batches_by_key():
    assert is_batch((1, 2))
    assert not is_batch({"x": 1, "y": 2})
    assert not is_batch("a.npz")
    assert first_batch({"0": 1, "1/x": 2, "1/y": 3}) == (1, (2, 3))
    assert by_key(([1, 2], {"out": 3}), ("a", "b")) == {"a": 1, "b": 2, "y:out": 3}
    assert packed({"x": 1}) == 1
    assert packed({"a": 1, "b": 2, "y": 3, "sample_weight": 4}) == ({"a": 1, "b": 2}, 3, 4)
