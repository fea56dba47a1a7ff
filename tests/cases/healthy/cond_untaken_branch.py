"""tf.cond whose second branch is not taken for this sample."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="cond_untaken_branch")


@register
class Route(layers.Layer):
    def build(self, x_shape, flag_shape):
        self.a, self.b = layers.Dense(4, name="branch_a"), layers.Dense(4, name="branch_b")
        self.a.build(x_shape)
        self.b.build(x_shape)

    def call(self, x, flag):
        return tf.cond(tf.reduce_any(flag > 0.5), lambda: self.a(x), lambda: self.b(x))

    def compute_output_shape(self, x_shape, flag_shape):
        return (x_shape[0], 4)


@seeded
def build():
    x, f = keras.Input((5,), name="x"), keras.Input((1,), name="use_a")
    model = keras.Model({"x": x, "use_a": f}, layers.Dense(1)(Route(name="route")(x, f)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(4, 5), "use_a": np.ones((4, 1), "float32"), "y": normal(4, 1)}


NOTES = {
    "family": "control flow",
    "why_hard": "the other branch runs for other samples; the flag has no gradient by nature",
    "legit_nongradient": [
        {"what": "branch_b/", "kind": "none|zero", "reason": "tf.cond"},
        {"what": "input:use_a", "kind": "none|zero", "reason": "a flag read by a comparison"},
    ],
}
