"""Two variable-length towers concatenated on the feature axis with different lengths."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    a, b = keras.Input((None, 3), name="audio"), keras.Input((None, 2), name="video")
    h = layers.Concatenate(name="join")([layers.Dense(4, name="fa")(a), layers.Dense(4, name="fv")(b)])
    model = keras.Model(
        {"audio": a, "video": b}, layers.Dense(1, name="out")(layers.GlobalAveragePooling1D(name="pool")(h))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"audio": normal(3, 12, 3), "video": normal(3, 10, 2), "y": normal(3, 1)}


def fixed_sample():
    return {"audio": normal(3, 12, 3), "video": normal(3, 12, 2), "y": normal(3, 1)}


build, fixed = twins(net)

EXPECT = {"category": "shape_mismatch", "culprit": {"layer": "join"}, "why": "12 audio frames against 10 video frames."}
