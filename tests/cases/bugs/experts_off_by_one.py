"""The loop over experts stops one short."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="experts_off_by_one")


@register
class Experts(Twin):
    def build(self, shape):
        self.experts = [layers.Dense(4, name=f"expert_{i}") for i in range(4)]
        for e in self.experts:
            e.build(shape)

    def call(self, x):
        return tf.add_n([self.experts[i](x) for i in range(4 if self.repaired else 3)])


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(1, name="out")(layers.ReLU(name="act")(Experts(repaired, name="experts")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_variable",
    "culprit": {"variable": "expert_3/kernel", "layer": "experts"},
    "why": "expert_3 is built and never called.",
}
