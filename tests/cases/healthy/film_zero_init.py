"""FiLM conditioning initialised to identity."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((6, 6, 3), name="image")
    c = keras.Input((4,), name="question")
    h = layers.Conv2D(8, 3, padding="same", activation="relu", name="conv")(x)
    e = layers.Dense(8, activation="relu", name="q_embed")(c)
    g = layers.Reshape((1, 1, 8))(layers.Dense(8, kernel_initializer="zeros", name="gamma")(e))
    b = layers.Reshape((1, 1, 8))(layers.Dense(8, kernel_initializer="zeros", name="beta")(e))
    model = keras.Model({"image": x, "question": c}, layers.Dense(2)(layers.GlobalAveragePooling2D()(h * (1 + g) + b)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"image": normal(4, 6, 6, 3), "question": normal(4, 4), "y": normal(4, 2)}


NOTES = {
    "family": "conditioning",
    "why_hard": "zero kernels block the condition at step 0 and open after the first update",
    "legit_nongradient": [{"what": "q_embed/|input:question", "kind": "zero", "reason": "FiLM starts as identity"}],
}
