"""Image sample in channels-first layout for a channels-last model."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x, t = keras.Input((8, 8, 3), name="image"), keras.Input((4,), name="meta")
    h = layers.Flatten(name="flat")(layers.Conv2D(4, 3, name="conv")(x))
    model = keras.Model({"image": x, "meta": t}, layers.Dense(1, name="out")(layers.Concatenate(name="cat")([h, t])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"image": normal(2, 3, 8, 8), "meta": normal(2, 4), "y": normal(2, 1)}


def fixed_sample():
    return {"image": normal(2, 8, 8, 3), "meta": normal(2, 4), "y": normal(2, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "shape_mismatch",
    "culprit": {"input": "image"},
    "why": "(2, 3, 8, 8) where (None, 8, 8, 3) is expected.",
}
