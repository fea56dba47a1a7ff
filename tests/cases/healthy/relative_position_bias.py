"""T5-like relative bias table gathered with bucketed distances."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="relative_position_bias")


@register
class Attn(layers.Layer):
    def build(self, shape):
        self.q, self.k, self.v = (layers.Dense(8, use_bias=False, name=n) for n in "qkv")
        [d.build(shape) for d in (self.q, self.k, self.v)]
        self.t = self.add_weight(shape=(32,), name="rel_bias", initializer="zeros")

    def call(self, x):
        n = tf.shape(x)[1]
        i = tf.range(n)
        b = tf.clip_by_value(i[:, None] - i[None] + 16, 0, 31)
        return tf.matmul(
            tf.nn.softmax(tf.matmul(self.q(x), self.k(x), transpose_b=True) / 3.0 + tf.gather(self.t, b)), self.v(x)
        )


@seeded
def build():
    x = keras.Input((None, 8), name="seq")
    model = keras.Model({"seq": x}, layers.Dense(1)(layers.GlobalAveragePooling1D()(x + Attn(name="attn")(x))))
    model.compile("adam", "mse")
    return model


def sample():
    return {"seq": normal(3, 5, 8), "y": normal(3, 1)}


NOTES = {"family": "attention", "why_hard": "most buckets of the table unused at length 5", "legit_nongradient": []}
