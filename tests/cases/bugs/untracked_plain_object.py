"""Sublayers kept in a plain Python helper object are not tracked."""

import keras
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="untracked_plain_object")


class Mlp:
    def __init__(self, d):
        self.hidden, self.out = layers.Dense(8, activation="tanh", name="hidden"), layers.Dense(d, name="proj")

    def build(self, shape):
        self.hidden.build(shape)
        self.out.build((None, 8))

    def run(self, x):
        return self.out(self.hidden(x))


@register
class Block(Twin):
    def __init__(self, repaired=False, **k):
        super().__init__(repaired, **k)
        self.mlp = Mlp(4)
        if repaired:
            self.a, self.b = self.mlp.hidden, self.mlp.out

    def build(self, shape):
        self.mlp.build(shape)

    def call(self, x):
        return self.mlp.run(x)

    def compute_output_shape(self, shape):
        return (shape[0], 4)


def net(repaired):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(Block(repaired, name="block")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 5), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_variable",
    "culprit": {"layer": "block"},
    "why": "Keras tracks layers in attributes, lists and dicts, not inside other Python objects: hidden, proj.",
}
