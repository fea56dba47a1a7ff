"""Item ids scaled to [0, 1) and fed to an integer input: all become 0."""

import keras
import numpy as np
from cases.common import normal, twins
from keras import layers


def net(repaired):
    i, x = keras.Input((1,), dtype="int32", name="item_id"), keras.Input((3,), name="x")
    e = layers.Flatten(name="flat")(layers.Embedding(20, 4, name="emb")(i))
    model = keras.Model({"item_id": i, "x": x}, layers.Dense(1, name="out")(layers.Concatenate(name="cat")([e, x])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"item_id": (np.arange(8).reshape(8, 1) / 20).astype("float32"), "x": normal(8, 3), "y": normal(8, 1)}


def fixed_sample():
    return {"item_id": np.arange(8).reshape(8, 1).astype("int32"), "x": normal(8, 3), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "dtype_mismatch",
    "culprit": {"input": "item_id"},
    "why": "The cast to int32 truncates every id to 0.",
}
