"""CategoryEncoding one-hot of integer classes given as float."""

import keras
from cases.common import integers, normal, seeded
from keras import layers


@seeded
def build():
    s, x = keras.Input((1,), dtype="int32", name="weekday"), keras.Input((3,), name="x")
    e = layers.CategoryEncoding(7, output_mode="one_hot", name="onehot")(s)
    model = keras.Model({"weekday": s, "x": x}, layers.Dense(1)(layers.Concatenate()([e, x])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"weekday": integers(7, 6, 1), "x": normal(6, 3), "y": normal(6, 1)}


NOTES = {
    "family": "preprocessing",
    "why_hard": "one-hot of an integer input: a float with no gradient source",
    "legit_nongradient": [],
}
