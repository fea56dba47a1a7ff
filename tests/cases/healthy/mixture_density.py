"""MDN head with a negative log-likelihood over (B, 1) targets."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="mixture_density")


@register
def mdn_nll(y, p):
    lg, mu, ls = tf.split(p, 3, axis=-1)
    lp = tf.nn.log_softmax(lg) - 0.5 * tf.square((y - mu) * tf.exp(-ls)) - ls - 0.919
    return -tf.reduce_logsumexp(lp, axis=-1)


@seeded
def build():
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, layers.Dense(9, name="params")(layers.Dense(8, activation="tanh")(x)))
    model.compile("adam", mdn_nll)
    return model


def sample():
    return {"x": normal(8, 4), "y": normal(8, 1)}


NOTES = {
    "family": "density",
    "why_hard": "labels (B, 1) broadcast against 3 means on purpose; output has 9 columns",
    "legit_nongradient": [],
}
