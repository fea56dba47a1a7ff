"""Only the first three of six features are passed on."""

import keras
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="columns_dropped_by_slice")


@register
class Take(Twin):
    def call(self, x):
        return x if self.repaired else x[:, :3]


def net(repaired):
    x = keras.Input((6,), name="features")
    model = keras.Model(
        {"features": x},
        layers.Dense(1, name="out")(layers.Dense(8, activation="tanh", name="fc")(Take(repaired, name="take")(x))),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"features": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_input",
    "culprit": {"input": "features", "layer": "take", "op": "StridedSlice", "line": "x[:, :3]"},
    "why": "Columns 3 to 5 never reach the loss.",
}
