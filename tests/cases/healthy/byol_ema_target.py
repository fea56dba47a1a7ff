"""BYOL: target network is a frozen EMA copy under stop_gradient."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="byol_ema_target")


@register
class Byol(layers.Layer):
    def call(self, p1, z2, p2, z1):
        def f(p, z):
            return 2 - 2 * tf.reduce_mean(
                tf.reduce_sum(tf.math.l2_normalize(p, -1) * tf.math.l2_normalize(tf.stop_gradient(z), -1), -1)
            )

        self.add_loss(f(p1, z2) + f(p2, z1))
        return p1

    def compute_output_shape(self, p1_shape, z2_shape, p2_shape, z1_shape):
        return p1_shape


def enc(n):
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="tanh", name=n + "_1"), layers.Dense(4, name=n + "_2")], name=n
    )


@seeded
def build():
    a, b = keras.Input((6,), name="view1"), keras.Input((6,), name="view2")
    on, tg, pr = enc("online"), enc("target"), layers.Dense(4, name="predictor")
    tg.trainable = False
    model = keras.Model({"view1": a, "view2": b}, Byol(name="byol")(pr(on(a)), tg(b), pr(on(b)), tg(a)))
    model.compile("adam")
    return model


def sample():
    return {"view1": normal(8, 6), "view2": normal(8, 6, seed=1)}


NOTES = {
    "family": "self-supervised",
    "why_hard": "frozen target tower behind stop_gradient; predictions p1 are the output",
    "legit_nongradient": [],
}
