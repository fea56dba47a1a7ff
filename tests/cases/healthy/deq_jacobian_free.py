"""Fixed-point iterations under stop_gradient, then one differentiable step."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="deq_jacobian_free")


@register
class Deq(layers.Layer):
    def build(self, shape):
        self.u = layers.Dense(6, name="u")
        self.w = layers.Dense(
            6, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(stddev=0.1), name="w"
        )
        self.u.build(shape)
        self.w.build((None, 6))

    def call(self, x):
        def f(z):
            return tf.tanh(self.w(z) + self.u(x))

        z = tf.zeros_like(self.u(x))
        for _ in range(12):
            z = tf.stop_gradient(f(z))
        return f(z)


@seeded
def build():
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(Deq(name="deq")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 4), "y": normal(8, 1)}


NOTES = {
    "family": "implicit",
    "why_hard": "twelve of thirteen evaluations are detached on purpose",
    "legit_nongradient": [],
}
