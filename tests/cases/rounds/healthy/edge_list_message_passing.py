"""A correct model: graph network."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_edge_list_message_passing')


def R():
    return np.random.default_rng(0)


@reg
class MessagePass(L.Layer):
    def __init__(self, units=6, **kw):
        super().__init__(**kw)
        self.units = units

    def get_config(self):
        return {**super().get_config(), 'units': self.units}

    def build(self, nodes_shape, edges_shape, weight_shape):
        self.w = self.add_weight(shape=(2 * nodes_shape[-1], self.units), initializer='glorot_uniform', name='w')
        self.s = self.add_weight(shape=(nodes_shape[-1], self.units), initializer='glorot_uniform', name='s')

    def call(self, nodes, edges, weight):
        src = tf.gather(nodes, edges[..., 0], batch_dims=1)
        dst = tf.gather(nodes, edges[..., 1], batch_dims=1)
        msg = tf.tanh(tf.matmul(tf.concat([src, dst], -1), self.w)) * weight
        to = tf.one_hot(edges[..., 1], nodes.shape[1])
        return tf.nn.elu(tf.matmul(nodes, self.s) + tf.matmul(to, msg, transpose_a=True))


def build():
    keras.utils.set_random_seed(14)
    n, e, w = keras.Input((6, 4), name='atoms'), keras.Input((9, 2), dtype='int32', name='bonds'), keras.Input((9, 1), name='bond_mask')
    h = MessagePass(name='mp1')(n, e, w)
    h = MessagePass(name='mp2')(h, e, w)
    m = keras.Model({'atoms': n, 'bonds': e, 'bond_mask': w}, L.Dense(1)(L.GlobalAveragePooling1D()(h)))
    m.compile(optimizer='adam', loss='mse')
    return m


def sample():
    r = R()
    mask = np.ones((8, 9, 1), 'float32')
    mask[4:, 7:] = 0
    return {'atoms': r.normal(size=(8, 6, 4)).astype('float32'), 'bonds': r.integers(0, 6, (8, 9, 2)).astype('int32'), 'bond_mask': mask,
            'y': r.normal(size=(8, 1)).astype('float32')}


NOTES = dict(family='graph network', why_hard='integer edge lists per graph, gather and segment sums, edges padded with a weight of 0', legit_nongradient=[])
