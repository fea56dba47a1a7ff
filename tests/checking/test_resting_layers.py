"""A step that trains a model and calls it without `training=True` is told which layers rest: in a note, no finding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def sequence(*inner):
    return keras.Sequential([keras.Input((3,)), layers.Dense(3), *inner, layers.Dense(1)], name="net")


class Subclass(keras.Model):
    """Hands a default on that says inference, which nobody has said."""

    def __init__(self):
        super().__init__(name="net")
        self.inner, self.drop, self.head = layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)

    def call(self, x, training=False):
        return self.head(self.drop(self.inner(x, training=training), training=training))


class Frozen(Subclass):
    def call(self, x, training=False):
        return self.head(
            self.inner(
                x,
                training=False,
            )
        )


def around(inner, **options):
    x = keras.Input((3,))
    return keras.Model(x, layers.Dense(1)(inner(x, **options)), name="net")


def notes(model, *, teacher=None, **options):
    model(X)
    optimizer = keras.optimizers.SGD()

    def step(x):
        with tf.GradientTape() as tape:
            wanted = 0.0 if teacher is None else teacher(x)
            loss = tf.reduce_mean((model(x, **options) - wanted) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    kept = {note for note in gradlint.check_step(step, X, models=[model]).notes if "training=True" in note}
    assert kept == {note for note in gradlint.check_step(tf.function(step), X, models=[model]).notes if note in kept}
    return kept


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (lambda: sequence(layers.BatchNormalization()), "(BatchNormalization)"),
        (lambda: sequence(layers.Dropout(0.5)), "(Dropout)"),
        (lambda: sequence(layers.GaussianDropout(0.5), layers.GaussianNoise(0.1)), "(GaussianDropout, GaussianNoise)"),
        (Subclass, "(BatchNormalization, Dropout)"),
        (lambda: around(sequence(layers.BatchNormalization(), layers.Dropout(0.5))), "(BatchNormalization, Dropout)"),
    ],
)
def test_layers_that_rest_are_named_with_the_call(make, kinds):
    model = make()
    (note,) = notes(model)
    assert note.startswith("'net' is trained, and called at ")
    assert "test_resting_layers.py:" in note
    assert kinds in note
    assert ("moving statistics are not updated" in note) is ("Batch" in kinds)
    assert not notes(model, training=True)
    assert not notes(model, training=False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: sequence(),
        lambda: sequence(layers.Dropout(0.0), layers.LayerNormalization()),
        lambda: sequence(layers.BatchNormalization(trainable=False)),
        lambda: around(sequence(layers.BatchNormalization(), layers.Dropout(0.5)), training=False),
        Frozen,
    ],
)
def test_what_does_not_rest_or_is_meant_to_is_no_news(make):
    assert not notes(make())


def test_a_teacher_rests():
    assert not notes(sequence(), teacher=sequence(layers.BatchNormalization(), layers.Dropout(0.5)))


def test_a_look_without_training_beside_the_step_is_no_news():
    model = sequence(layers.BatchNormalization())
    optimizer = keras.optimizers.SGD()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x, training=True) ** 2)
            tf.debugging.assert_all_finite(model(x), "not finite")
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    assert not gradlint.check_step(step, X).notes
