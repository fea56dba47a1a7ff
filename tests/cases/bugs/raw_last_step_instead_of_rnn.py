"""The last step of the raw series is concatenated; the rest of the series goes nowhere."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="raw_last_step_instead_of_rnn")


@register
class Join(Twin):
    def build(self, seq_shape, vec_shape):
        a = seq_shape
        self.rnn = layers.GRU(4, name="gru") if self.repaired else layers.Dense(4, name="gru")
        self.rnn.build(a if self.repaired else (a[0], a[2]))

    def call(self, seq, vec):
        h = self.rnn(seq) if self.repaired else self.rnn(seq[:, -1])
        return tf.concat([h, vec], -1)

    def compute_output_shape(self, seq_shape, vec_shape):
        return (seq_shape[0], 4 + vec_shape[1])


def net(repaired):
    a, b = keras.Input((8, 3), name="history"), keras.Input((4,), name="static")
    model = keras.Model({"history": a, "static": b}, layers.Dense(1, name="out")(Join(repaired, name="join")(a, b)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"history": normal(5, 8, 3), "static": normal(5, 4), "y": normal(5, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_input",
    "culprit": {"input": "history", "layer": "join", "op": "StridedSlice", "line": "self.rnn(seq[:, -1])"},
    "why": "Seven of the eight time steps receive no gradient.",
}
