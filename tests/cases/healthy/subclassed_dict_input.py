"""Subclassed model that reads a dict."""

import keras
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="subclassed_dict_input")


@register
class TwoTower(keras.Model):
    def __init__(self, **k):
        super().__init__(**k)
        self.a = layers.Dense(6, activation="relu", name="ta")
        self.b = layers.Dense(6, activation="relu", name="tb")
        self.o = layers.Dense(1, name="out")

    def build(self, shape):
        self.a.build(shape["user"])
        self.b.build(shape["item"])
        self.o.build((None, 12))
        self.built = True

    def call(self, x):
        return self.o(ops.concatenate([self.a(x["user"]), self.b(x["item"])], -1))


@seeded
def build():
    model = TwoTower()
    model({"user": normal(1, 4), "item": normal(1, 3)})
    model.compile("adam", "mse")
    return model


def sample():
    return {"user": normal(8, 4), "item": normal(8, 3), "y": normal(8, 1)}


NOTES = {
    "family": "subclassed",
    "why_hard": "no functional graph: keys are only known from call()",
    "legit_nongradient": [],
}
