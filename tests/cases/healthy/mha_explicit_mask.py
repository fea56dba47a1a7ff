"""MultiHeadAttention with an attention mask built from a 0/1 float key."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers, ops


@seeded
def build():
    x, k = keras.Input((6, 8), name="seq"), keras.Input((6,), name="valid")
    h = layers.MultiHeadAttention(2, 4, name="mha")(x, x, attention_mask=ops.expand_dims(k > 0.5, 1))
    h = layers.LayerNormalization()(x + h)
    w = ops.expand_dims(k, -1)
    model = keras.Model({"seq": x, "valid": k}, layers.Dense(1)(ops.sum(h * w, 1) / ops.sum(w, 1)))
    model.compile("adam", "mse")
    return model


def sample():
    v = np.ones((4, 6), "float32")
    v[1, 3:] = 0
    v[3, 1:] = 0
    return {"seq": normal(4, 6, 8), "valid": v, "y": normal(4, 1)}


NOTES = {
    "family": "attention",
    "why_hard": "padded steps have zero gradient; the mask is compared",
    "legit_nongradient": [{"what": "key/bias", "kind": "tiny|zero", "reason": "key bias"}],
}
