"""Text GAN: generated tokens are sampled before the discriminator."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="textgan_categorical_sampling")


@register
class Sample(Twin):
    def call(self, logits):
        if self.repaired:
            return tf.nn.softmax(logits)
        b = tf.shape(logits)[0]
        ids = tf.random.categorical(tf.reshape(logits, [-1, 12]), 1, seed=3)
        return tf.one_hot(tf.reshape(ids, [b, 5]), 12)

    def compute_output_shape(self, shape):
        return shape


def net(repaired):
    z = keras.Input((5, 4), name="noise")
    lg = layers.Dense(12, name="gen_logits")(layers.GRU(6, return_sequences=True, name="gen_gru")(z))
    e = layers.Dense(6, name="disc_embed")(Sample(repaired, name="sample")(lg))
    model = keras.Model(
        {"noise": z}, layers.Dense(1, activation="sigmoid", name="disc")(layers.GlobalMaxPooling1D(name="pool")(e))
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return {"noise": normal(6, 5, 4), "y": np.ones((6, 1), "float32")}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "input": "noise",
        "variable": "gen_logits/kernel",
        "layer": "sample",
        "op": "Multinomial",
        "line": "ids = tf.random.categorical(",
    },
    "why": "Sampling discrete tokens cuts the path from the discriminator to the generator.",
}
