"""Token loss masked by label -100, averaged over valid tokens."""

import keras
import tensorflow as tf
from cases.common import integers, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="masked_token_loss")


@register
def masked_ce(y, p):
    valid = tf.not_equal(y, -100)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(valid, tf.cast(y, tf.int32), 0), p)
    m = tf.cast(valid, losses.dtype)
    return tf.reduce_sum(losses * m) / tf.maximum(tf.reduce_sum(m), 1.0)


@seeded
def build():
    x = keras.Input((6,), dtype="int32", name="tokens")
    model = keras.Model(
        {"tokens": x}, layers.Dense(10, name="lm")(layers.GRU(6, return_sequences=True)(layers.Embedding(10, 5)(x)))
    )
    model.compile("adam", masked_ce)
    return model


def sample():
    y = integers(10, 4, 6)
    y[:, 3:] = -100
    return {"tokens": integers(10, 4, 6), "y": y}


NOTES = {
    "family": "masked loss",
    "why_hard": "negative label ids, the last steps get no gradient in this batch",
    "legit_nongradient": [],
}
