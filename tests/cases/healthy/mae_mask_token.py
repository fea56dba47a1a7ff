"""Masked autoencoder: masked patches are replaced by a learned token before the decoder."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="mae_mask_token")


@register
class Mask(layers.Layer):
    def __init__(self, **k):
        super().__init__(**k)
        self.sg = keras.random.SeedGenerator(1)

    def build(self, shape):
        self.tok = self.add_weight(shape=(1, 1, shape[-1]), name="mask_token", initializer="random_normal")
        self.pos = self.add_weight(shape=(1, shape[1], shape[2]), name="pos", initializer="random_normal")

    def call(self, h):
        r = keras.random.uniform((ops.shape(h)[0], 9), seed=self.sg)
        th = tf.sort(r, axis=1)[:, 3:4]
        keep = tf.cast(r < th, h.dtype)[..., None]
        return h * keep + (1 - keep) * self.tok + self.pos


@seeded
def build():
    x = keras.Input((9, 6), name="patches")
    h = Mask(name="mask")(layers.Dense(8, name="embed")(x))
    model = keras.Model(
        {"patches": x},
        layers.Dense(6, name="pixels")(
            layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 4, name="mha")(h, h))
        ),
    )
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(4, 9, 6)
    return {"patches": x, "y": x}


NOTES = {
    "family": "self-supervised",
    "why_hard": "six of nine patches get no gradient in each pass (random mask)",
    "legit_nongradient": [{"what": "key/bias", "kind": "tiny|zero", "reason": "key bias"}],
}
