"""ConvLSTM2D on frames."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((3, 6, 6, 1), name="frames")
    model = keras.Model(
        {"frames": x}, layers.Conv2D(1, 1, name="next")(layers.ConvLSTM2D(3, 3, padding="same", name="clstm")(x))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"frames": normal(2, 3, 6, 6, 1), "y": normal(2, 6, 6, 1)}


NOTES = {"family": "video", "why_hard": "recurrent convolution, hard_sigmoid", "legit_nongradient": []}
