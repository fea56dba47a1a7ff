"""Custom RNN cell that never uses its recurrent kernel."""

import keras
import tensorflow as tf
from cases.common import normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="cell_ignores_state")


@register
class Cell(layers.Layer):
    def __init__(self, units=4, repaired=False, **k):
        super().__init__(**k)
        self.units, self.repaired, self.state_size, self.output_size = units, repaired, units, units

    def get_config(self):
        return {**super().get_config(), "units": self.units, "repaired": self.repaired}

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")

    def call(self, x, states, training=False):
        z = tf.matmul(x, self.kernel)
        if self.repaired:
            z = z + tf.matmul(states[0], self.recurrent)
        return tf.tanh(z), [tf.tanh(z)]


def net(repaired):
    x = keras.Input((5, 3), name="seq")
    model = keras.Model(
        {"seq": x}, layers.Dense(1, name="out")(layers.RNN(Cell(4, repaired, name="cell"), name="rnn")(x))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"seq": normal(4, 5, 3), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_variable",
    "culprit": {"variable": "cell/recurrent"},
    "why": "The state is not read; the recurrent kernel (and every step but the last) is dead.",
}
