"""Learned positions are binned with // before a soft lookup."""

import keras
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="floordiv_binning")


@register
class Bins(Twin):
    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        z = x * self.scale
        return z / 0.25 if self.repaired else (z // 0.25) * 0.25


def net(repaired):
    x = keras.Input((5,), name="pos")
    model = keras.Model({"pos": x}, layers.Dense(1, name="out")(Bins(repaired, name="bins")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"pos": normal(8, 5), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "input": "pos",
        "variable": "bins/scale",
        "layer": "bins",
        "op": "FloorDiv",
        "line": "(z // 0.25) * 0.25",
    },
    "why": "FloorDiv is piecewise constant and has no gradient.",
}
