"""Proposals under stop_gradient, crop_and_resize, second-stage head."""

import keras
import tensorflow as tf
from cases.common import integers, normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="two_stage_detector")


@register
class RoiAlign(layers.Layer):
    def call(self, f, b):
        n = tf.shape(b)[1]
        bb = tf.stop_gradient(tf.reshape(tf.sigmoid(b), [-1, 4]))
        lo, wh = bb[:, :2] * 0.5, bb[:, 2:] * 0.5
        idx = tf.repeat(tf.range(tf.shape(f)[0]), n)
        c = tf.image.crop_and_resize(f, tf.concat([lo, lo + wh], -1), idx, (3, 3))
        return tf.reshape(c, [-1, 2, 3 * 3 * 4])

    def compute_output_shape(self, f_shape, b_shape):
        return (f_shape[0], 2, 36)


@seeded
def build():
    x = keras.Input((12, 12, 3), name="image")
    f = layers.Conv2D(4, 3, padding="same", activation="relu", name="backbone")(x)
    b = layers.Reshape((2, 4), name="rpn_box")(layers.Dense(8, name="rpn")(layers.GlobalAveragePooling2D()(f)))
    r = RoiAlign(name="roi")(f, b)
    model = keras.Model(
        {"image": x},
        {
            "rpn_box": b,
            "cls": layers.Dense(3, activation="softmax", name="cls")(r),
            "box": layers.Dense(4, name="box")(r),
        },
    )
    model.compile("adam", {"rpn_box": "huber", "cls": "sparse_categorical_crossentropy", "box": "mae"})
    return model


def sample():
    return {
        "image": normal(2, 12, 12, 3),
        "y:rpn_box": normal(2, 2, 4),
        "y:cls": integers(3, 2, 2),
        "y:box": normal(2, 2, 4),
    }


NOTES = {
    "family": "detection",
    "why_hard": "reshape of boxes into the batch axis with an index: no leak",
    "legit_nongradient": [],
}
