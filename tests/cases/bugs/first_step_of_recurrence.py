"""The first output of a recurrent layer, where the last was meant."""

import keras
from cases.common import Twin, normal, twins
from keras import layers


@keras.saving.register_keras_serializable(package="first_step_of_recurrence")
class Pick(Twin):
    def call(self, x):
        if self.repaired:
            return x[:, -1]
        return x[:, 0]


def net(repaired):
    series, static = keras.Input((10, 3), name="series"), keras.Input((4,), name="static")
    h = Pick(repaired, name="pick")(layers.GRU(8, return_sequences=True, name="gru")(series))
    joined = layers.Concatenate(name="cat")([h, static])
    model = keras.Model({"series": series, "static": static}, layers.Dense(1, name="head")(joined))
    model.compile("adam", "mse")
    return model


def sample():
    return {"series": normal(6, 10, 3), "static": normal(6, 4, seed=1), "y": normal(6, 1, seed=2)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "series", "layer": "pick", "op": "StridedSlice", "line": "return x[:, 0]"},
    "why": "The first state depends on the first step only: nine of ten steps and the recurrent kernel get nothing.",
}
