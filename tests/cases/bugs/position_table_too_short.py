"""Learned positions for 8 steps, sequences of 10."""

import keras
import tensorflow as tf
from cases.common import normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="position_table_too_short")


@register
class Pos(layers.Layer):
    def __init__(self, n=8, **k):
        super().__init__(**k)
        self.n = n

    def get_config(self):
        return {**super().get_config(), "n": self.n}

    def build(self, shape):
        self.pos = self.add_weight(shape=(self.n, shape[-1]), initializer="random_normal", name="pos")

    def call(self, x):
        return x + tf.convert_to_tensor(self.pos)[: tf.shape(x)[1]]


def net(repaired):
    x = keras.Input((None, 4), name="seq")
    model = keras.Model(
        {"seq": x},
        layers.Dense(1, name="out")(
            layers.GlobalAveragePooling1D(name="pool")(Pos(12 if repaired else 8, name="position")(x))
        ),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"seq": normal(3, 10, 4), "y": normal(3, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "shape_mismatch",
    "culprit": {"layer": "position", "line": "return x + tf.convert_to_tensor(self.pos)[: tf.shape(x)[1]]"},
    "why": "(3, 10, 4) + (8, 4).",
}
