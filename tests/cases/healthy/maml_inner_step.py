"""One inner gradient step on a support set inside call()."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="maml_inner_step")


@register
class Maml(layers.Layer):
    def build(self, xs_shape, ys_shape, xq_shape):
        self.w = self.add_weight(shape=(4, 1), name="w", initializer="glorot_uniform")
        self.b = self.add_weight(shape=(1,), name="b", initializer="zeros")
        self.lr = self.add_weight(shape=(), name="inner_lr", initializer=keras.initializers.Constant(0.1))

    def call(self, xs, ys, xq):
        n = tf.shape(xs)[0]
        w = tf.tile(tf.convert_to_tensor(self.w)[None], [n, 1, 1])
        b = tf.tile(tf.convert_to_tensor(self.b)[None], [n, 1])
        with tf.GradientTape() as t:
            t.watch([w, b])
            loss = tf.reduce_sum(tf.reduce_mean(tf.square(tf.matmul(xs, w)[..., 0] + b - ys), 1))
        gw, gb = t.gradient(loss, [w, b])
        return tf.matmul(xq, w - self.lr * gw)[..., 0] + b - self.lr * gb

    def compute_output_shape(self, xs_shape, ys_shape, xq_shape):
        return xq_shape[:2]


@seeded
def build():
    a = keras.Input((5, 4), name="support_x")
    b = keras.Input((5,), name="support_y")
    c = keras.Input((3, 4), name="query_x")
    model = keras.Model({"support_x": a, "support_y": b, "query_x": c}, Maml(name="maml")(a, b, c))
    model.compile("adam", "mse")
    return model


def sample():
    return {
        "support_x": normal(4, 5, 4),
        "support_y": normal(4, 5),
        "query_x": normal(4, 3, 4, seed=1),
        "y": normal(4, 3),
    }


NOTES = {
    "family": "meta-learning",
    "why_hard": "GradientTape inside call; second-order gradient",
    "legit_nongradient": [],
}
