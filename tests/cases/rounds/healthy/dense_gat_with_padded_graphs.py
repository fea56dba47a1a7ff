"""Graph attention on padded molecules: masked softmax, virtual node, sum readout."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'dense_gat_with_padded_graphs'


@keras.saving.register_keras_serializable(package=PKG)
class GAT(keras.layers.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units

    def build(self, shapes):
        self.w = self.add_weight(shape=(shapes[0][-1], self.units), name='w')
        self.source = self.add_weight(shape=(self.units, 1), name='source')
        self.target = self.add_weight(shape=(self.units, 1), name='target')

    def call(self, inputs):
        nodes, adjacency = inputs
        h = tf.matmul(nodes, self.w)
        score = tf.nn.leaky_relu(tf.matmul(h, self.source) + tf.linalg.matrix_transpose(tf.matmul(h, self.target)))
        eye = tf.eye(tf.shape(h)[1], batch_shape=tf.shape(h)[:1])
        score = tf.where(adjacency + eye > 0, score, -1e9)
        return tf.nn.elu(tf.matmul(tf.nn.softmax(score, axis=-1), h))

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@keras.saving.register_keras_serializable(package=PKG)
class MaskedSum(keras.layers.Layer):
    def call(self, inputs):
        nodes, real = inputs
        return tf.reduce_sum(nodes * real[..., None], axis=1) / tf.sqrt(tf.reduce_sum(real, axis=1, keepdims=True))


def build():
    keras.utils.set_random_seed(3)
    atom = keras.Input((8,), dtype='int32', name='atom')
    charge = keras.Input((8, 2), name='charge')
    bonds = keras.Input((8, 8), name='bonds')
    real = keras.Input((8,), name='real')
    x = keras.layers.Concatenate(name='node')([keras.layers.Embedding(7, 6, name='element')(atom), charge])
    x = GAT(10, name='gat_a')([x, bonds])
    y = GAT(10, name='gat_b')([x, bonds])
    x = keras.layers.Add(name='residual')([x, y])
    g = MaskedSum(name='readout')([x, real])
    m = keras.Model({'atom': atom, 'charge': charge, 'bonds': bonds, 'real': real}, {'toxic': keras.layers.Dense(3, activation='sigmoid', name='toxic')(g), 'logp': keras.layers.Dense(1, name='logp')(g)})
    m.compile('adam', {'toxic': 'binary_crossentropy', 'logp': 'mae'}, loss_weights={'toxic': 1.0, 'logp': 0.3})
    return m


def sample():
    r = np.random.default_rng(3)
    n = np.array([8, 5, 6, 7, 4, 8])
    real = (np.arange(8)[None] < n[:, None]).astype('float32')
    bonds = (r.random((6, 8, 8)) < 0.3).astype('float32') * real[:, :, None] * real[:, None]
    return {'atom': (r.integers(1, 7, (6, 8)) * real).astype('int32'), 'charge': (r.normal(size=(6, 8, 2)) * real[..., None]).astype('float32'), 'bonds': np.maximum(bonds, bonds.transpose(0, 2, 1)), 'real': real,
            'y:toxic': r.integers(0, 2, (6, 3)).astype('float32'), 'y:logp': r.normal(size=(6, 1)).astype('float32')}


NOTES = dict(family='graph', why_hard='the adjacency and the mask enter by comparison or as constants only; large negative numbers in a softmax', legit_nongradient=[dict(what='bonds', kind='input', category='nondifferentiable_op', reason='a structural mask')])
