"""Token id equal to the vocabulary size."""

import keras
from cases.common import integers, normal, twins
from keras import layers


def net(repaired):
    t = keras.Input((5,), dtype="int32", name="tokens")
    h = layers.GlobalAveragePooling1D(name="pool")(layers.Embedding(50, 4, name="embed")(t))
    model = keras.Model({"tokens": t}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    t = integers(50, 4, 5)
    t[2, 3] = 50
    return {"tokens": t, "y": normal(4, 1)}


def fixed_sample():
    return {"tokens": integers(50, 4, 5), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "index_out_of_range",
    "culprit": {"input": "tokens", "layer": "embed"},
    "why": "Ids run from 0 to 49; 50 is outside the table (error on CPU, zeros on GPU).",
}
