"""tf.cond switches on the sign of a trainable scalar."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="cond_predicate_from_weight")


@register
class Switch(Twin):
    def build(self, shape):
        self.g = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.3), name="gate_logit")

    def call(self, x):
        g = tf.convert_to_tensor(self.g)
        if self.repaired:
            return tf.sigmoid(g) * x + (1 - tf.sigmoid(g)) * tf.tanh(x)
        return tf.cond(g > 0.0, lambda: x, lambda: tf.tanh(x))


def net(repaired):
    x = keras.Input((4,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(1, name="out")(Switch(repaired, name="switch")(layers.Dense(4, name="fc")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(5, 4), "y": normal(5, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "variable": "switch/gate_logit",
        "layer": "switch",
        "op": "Greater",
        "line": "return tf.cond(g > 0.0, lambda: x, lambda: tf.tanh(x))",
    },
    "why": "A predicate has no gradient.",
}
