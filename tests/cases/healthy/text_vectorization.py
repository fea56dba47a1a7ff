"""TextVectorization inside the model."""

import keras
import numpy as np
from cases.common import seeded
from keras import layers


@seeded
def build():
    s = keras.Input((), dtype="string", name="text")
    t = layers.TextVectorization(vocabulary=["good", "bad", "film", "the"], output_sequence_length=5, name="vec")(s)
    h = layers.GlobalAveragePooling1D()(layers.Embedding(6, 4, mask_zero=True, name="emb")(t))
    model = keras.Model({"text": s}, layers.Dense(1, activation="sigmoid")(h))
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return {
        "text": np.array(["the good film", "bad bad film", "the film", "good"]),
        "y": np.array([[1.0], [0], [0], [1]], "float32"),
    }


NOTES = {"family": "preprocessing", "why_hard": "scalar string input, ragged inside", "legit_nongradient": []}
