"""A numeric column read from CSV stayed a string."""

import keras
import numpy as np
from cases.common import normal, twins
from keras import layers


def net(repaired):
    a, b = keras.Input((1,), name="age"), keras.Input((3,), name="vitals")
    model = keras.Model({"age": a, "vitals": b}, layers.Dense(1, name="out")(layers.Concatenate(name="cat")([a, b])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"age": np.array([["31"], ["42"], ["57"], ["19"]]), "vitals": normal(4, 3), "y": normal(4, 1)}


def fixed_sample():
    s = sample()
    s["age"] = s["age"].astype("float32")
    return s


build, fixed = twins(net)

EXPECT = {"category": "dtype_mismatch", "culprit": {"input": "age"}, "why": "Strings cannot be cast to float32."}
