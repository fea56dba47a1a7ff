"""Graph network on one graph: nodes and adjacency with batch 1."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import generator, integers, normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="gcn_adjacency_batch1")


@register
class Gcn(layers.Layer):
    def __init__(self, u=6, **k):
        super().__init__(**k)
        self.u = u

    def get_config(self):
        return {**super().get_config(), "u": self.u}

    def build(self, x_shape, a_shape):
        self.d = layers.Dense(self.u, name="w")
        self.d.build(x_shape)

    def call(self, x, a):
        h = self.d(x)
        return tf.nn.leaky_relu(tf.matmul(a, h) / (tf.reduce_sum(a, -1, keepdims=True) + 1.0))

    def compute_output_shape(self, x_shape, a_shape):
        return (*x_shape[:-1], self.u)


@seeded
def build():
    x, a = keras.Input((7, 3), name="nodes"), keras.Input((7, 7), name="adjacency")
    model = keras.Model(
        {"nodes": x, "adjacency": a}, layers.Dense(2, activation="softmax")(Gcn(name="g2")(Gcn(name="g1")(x, a), a))
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    a = (generator(1).uniform(size=(1, 7, 7)) < 0.4).astype("float32")
    return {"nodes": normal(1, 7, 3), "adjacency": np.maximum(a, a.transpose(0, 2, 1)), "y": integers(2, 1, 7)}


NOTES = {"family": "graph", "why_hard": "batch of one graph", "legit_nongradient": []}
