"""The second layer is applied to x again, so the first layer's result is lost."""

import keras
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="overwritten_hidden")


@register
class Mlp(Twin):
    def build(self, shape):
        self.fc1 = layers.Dense(6, activation="relu", name="fc1")
        self.fc2 = layers.Dense(6, activation="relu", name="fc2")
        self.fc1.build(shape)
        self.fc2.build((None, 6))

    def call(self, x):
        h = self.fc1(x)
        return self.fc2(h if self.repaired else x)


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Mlp(repaired, name="mlp")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_variable",
    "culprit": {"variable": "fc1/kernel", "layer": "mlp"},
    "why": "h is overwritten, fc1 does not contribute.",
}
