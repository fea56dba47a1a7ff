"""What is tested on the forward pass of a model, where the model has a `train_step` of its own."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

import gradlint


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class Step:
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.loss_of(x, y)
        slopes = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
        return {"loss": loss}

    def loss_of(self, x, y):
        return tf.reduce_mean(tf.square(self(x, training=True) - y))


@keras.saving.register_keras_serializable(package="forward_of_own_steps")
class Own(Step, keras.Model):
    pass


class Last(layers.Layer):
    def call(self, x):
        return x[:, -1]


class Centred(layers.Layer):
    def call(self, x):
        return x - ops.mean(x, axis=0, keepdims=True)


class OfIds(layers.Layer):
    """The first column selects a row of a table."""

    def build(self, shape):
        self.table = self.add_weight(shape=(4, 3), name="table")

    def call(self, x):
        return ops.concatenate([ops.take(self.table, ops.cast(ops.abs(x[:, 0]), "int32") % 4, axis=0), x[:, 1:]], -1)


def made(cls, inputs, outputs):
    model = cls(inputs, outputs, name="own")
    model.compile("sgd", "mse")
    return model


def one_step(cls):
    a, b = keras.Input((10, 4), name="a"), keras.Input((3,), name="b")
    joined = layers.Concatenate()([Last()(a), b])
    return made(cls, {"a": a, "b": b}, layers.Dense(1)(joined)), {"a": normal(6, 10, 4), "b": normal(6, 3)}


def mixing(cls):
    a = keras.Input((4,), name="a")
    return made(cls, {"a": a}, layers.Dense(1)(Centred()(layers.Dense(5)(a)))), {"a": normal(6, 4)}


def ahead(cls):
    a = keras.Input((8, 4), name="a")
    steps = normal(6, 9, 4)
    model = made(cls, {"a": a}, layers.Dense(4)(layers.Conv1D(4, 3, padding="same", activation="tanh")(a)))
    return model, {"a": steps[:, :-1], "y": steps[:, 1:]}


def empty(cls):
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    joined = layers.Concatenate()([layers.Dense(3, name="of_b")(b), layers.Dense(5, "tanh")(a)])
    sample = {"a": normal(6, 4), "b": np.zeros((6, 3), "float32")}
    return made(cls, {"a": a, "b": b}, layers.Dense(1)(joined)), sample


def dead(cls):
    a = keras.Input((4,), name="a")
    low = keras.initializers.Constant(-100.0)
    return made(cls, {"a": a}, layers.Dense(1)(layers.Dense(5, "relu", bias_initializer=low)(a))), {"a": normal(6, 4)}


def ids(cls):
    a = keras.Input((4,), name="a")
    sample = {"a": np.abs(normal(6, 4)) * 3}
    return made(cls, {"a": a}, layers.Dense(1)(OfIds()(a))), sample


MODELS = [one_step, mixing, ahead, empty, dead, ids]
CODES = {one_step: ["GL205"], mixing: ["GL501"], ahead: ["GL502"], empty: ["GL414"], dead: ["GL202"], ids: []}


def said(model, sample, **options):
    labels = {} if "y" in sample else {"y": normal(6, 1, seed=1)}
    return gradlint.check(model, {**sample, **labels}, **options).findings


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_step_of_its_own_hides_nothing_of_the_forward_pass(make):
    """Nothing of these was tested, since a step has other losses than its model's outputs."""
    own, plain = said(*make(Own)), said(*make(keras.Model))
    assert [finding.code for finding in own] == CODES[make]
    first = own[0] if own else None
    for finding in plain if first is not None else ():
        if finding.code == first.code:
            assert (finding.severity, finding.inputs) == (first.severity, first.inputs)
            assert finding.cause.op == first.cause.op
            assert len(finding.variables) == len(first.variables)


@pytest.mark.parametrize("make", [one_step, mixing, ahead], ids=lambda make: make.__name__)
def test_a_batch_as_fit_takes_it_is_bound_to_the_inputs(make):
    model, sample = make(Own)
    y = sample.pop("y", normal(6, 1, seed=1))
    x = sample if len(sample) > 1 else sample["a"]
    for batch in ((x, y), tf.data.Dataset.from_tensors((x, y))):
        result = gradlint.check(model, batch)
        assert [finding.code for finding in result.findings] == CODES[make]
        assert [entry.key for entry in result.inputs] == sorted(sample)


def test_while_fit_runs_its_first_batch_is_tested_as_well():
    model, sample = mixing(Own)
    with pytest.raises(gradlint.GradientsDoNotFlow) as caught:
        model.fit(sample["a"], normal(6, 1, seed=1), verbose=0, callbacks=[gradlint.GradientCheck()])
    assert [finding.code for finding in caught.value.result.findings] == ["GL501"]


def test_a_batch_that_the_step_takes_apart_is_left_alone():
    """Two arrays of one form: which of them is the input cannot be told, and the others are no inputs."""

    class Pairs(Step, keras.Model):
        def loss_of(self, x, y):
            return tf.reduce_mean(tf.square(self(x, training=True) - self(y, training=True)))

    a = keras.Input((4,), name="a")
    model = made(Pairs, a, layers.Dense(3)(Centred()(a)))
    same = normal(6, 4)
    assert gradlint.check(model, (same, same + 0.0)).inputs == ()
    assert [entry.key for entry in gradlint.check(model, (same, same + 1.0)).inputs] == ["a"]


def test_a_leak_is_found_in_a_file(tmp_path):
    model, sample = mixing(Own)
    with keras.saving.custom_object_scope({"Centred": Centred}):
        model.save(tmp_path / "model.keras")
        found = said(tmp_path / "model.keras", sample, trust_model=True)
    assert [finding.code for finding in found] == ["GL501"]


class AlsoFirst(Own):
    """Its step reads what the call does not."""

    def loss_of(self, x, y):
        return super().loss_of(x, y) + tf.reduce_mean(tf.square(x["a"][:, :-1]))


class Zeroed(Own):
    """A zero of the step alone: the model on other data has no part in it."""

    def loss_of(self, x, y):
        return 0.0 * super().loss_of(x, y)


class NoCall(Step, keras.Model):
    """What it trains is no part of its call."""

    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(3, "tanh"), layers.Dense(1)

    def call(self, x):
        raise NotImplementedError

    def loss_of(self, x, y):
        return tf.reduce_mean(tf.square(self.second(self.first(x["a"][:, -1])) - y))


def test_what_the_step_reads_itself_is_read():
    assert said(*one_step(AlsoFirst)) == ()


def test_a_zero_of_the_step_is_not_healed_by_the_forward_pass():
    (finding,) = [finding for finding in said(*mixing(Zeroed)) if finding.code != "GL501"]
    assert finding.code == "GL201"
    assert len(finding.variables) == 4


def test_a_model_that_cannot_be_called_is_judged_by_its_step():
    model = NoCall()
    model.compile("sgd")
    assert [finding.code for finding in said(model, {"a": normal(6, 10, 4)})] == ["GL205"]


def test_on_symbols_it_is_said_what_is_not_looked_at():
    """It was said nowhere that the tapes of the step have not been asked."""
    model, sample = mixing(Own)
    labels = {"y": normal(6, 1, seed=1)}
    result = gradlint.check(model, {**sample, **labels}, depth="structure", select=["GL6", "GL1"])
    assert result.ok
    assert "the losses of Own.train_step were looked at, and not its tapes and optimizers: depth='values' does" in (
        result.notes
    )
    assert {skipped.reason for skipped in result.skipped} == {"for want of values: depth='values'"}
