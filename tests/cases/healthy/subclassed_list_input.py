"""Subclassed model that takes a list of two arrays."""

import keras
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="subclassed_list_input")


@register
class Pair(keras.Model):
    LIST_INPUT = True

    def __init__(self, **k):
        super().__init__(**k)
        self.a = layers.Dense(6, activation="tanh", name="pa")
        self.b = layers.Dense(6, activation="tanh", name="pb")
        self.o = layers.Dense(1, name="out")

    def build(self, shape):
        self.a.build(shape[0])
        self.b.build(shape[1])
        self.o.build((None, 6))
        self.built = True

    def call(self, x):
        return self.o(self.a(x[0]) * self.b(x[1]))


@seeded
def build():
    model = Pair()
    model([normal(1, 4), normal(1, 3)])
    model.compile("adam", "mse")
    return model


def sample():
    return {"left": normal(8, 4), "right": normal(8, 3), "y": normal(8, 1)}


NOTES = {
    "family": "subclassed",
    "why_hard": "the model takes a list; the sample is a dict in the same order",
    "legit_nongradient": [],
}
