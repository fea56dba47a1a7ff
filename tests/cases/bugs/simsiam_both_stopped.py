"""SimSiam loss with stop_gradient on both sides."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="simsiam_both_stopped")


@register
class NegCos(Twin):
    def d(self, p, z):
        return -tf.reduce_mean(tf.reduce_sum(tf.math.l2_normalize(p, -1) * tf.math.l2_normalize(z, -1), -1))

    def call(self, p1, z2, p2, z1):
        if not self.repaired:
            p1, p2 = tf.stop_gradient(p1), tf.stop_gradient(p2)
        self.add_loss(self.d(p1, tf.stop_gradient(z2)) + self.d(p2, tf.stop_gradient(z1)))
        return p1

    def compute_output_shape(self, p1_shape, z2_shape, p2_shape, z1_shape):
        return p1_shape


def net(repaired):
    a, b = keras.Input((6,), name="view1"), keras.Input((6,), name="view2")
    enc = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="tanh", name="e1"), layers.Dense(4, name="e2")], name="encoder"
    )
    pred = layers.Dense(4, name="predictor")
    z1, z2 = enc(a), enc(b)
    model = keras.Model({"view1": a, "view2": b}, NegCos(repaired, name="negcos")(pred(z1), z2, pred(z2), z1))
    model.compile("adam")
    return model


def sample():
    return {"view1": normal(8, 6), "view2": normal(8, 6, seed=1)}


build, fixed = twins(net)

EXPECT = {
    "category": "stop_gradient",
    "culprit": {
        "input": "view1",
        "variable": "predictor/kernel",
        "layer": "negcos",
        "op": "StopGradient",
        "line": "p1, p2 = tf.stop_gradient(p1), tf.stop_gradient(p2)",
    },
    "why": "Only the target side may be detached; here the prediction is detached as well.",
}
