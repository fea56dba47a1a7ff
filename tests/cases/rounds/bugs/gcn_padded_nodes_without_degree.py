"""Molecule GCN: the symmetric normalization raises the degree 0 of padded atoms to the power -1/2."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'gcn_padded_nodes_without_degree'


@keras.saving.register_keras_serializable(package=PKG)
class SymmetricNorm(keras.layers.Layer):
    def inverse_root(self, degree):
        return tf.pow(degree, -0.5)

    def call(self, adjacency):
        scale = self.inverse_root(tf.reduce_sum(adjacency, axis=-1))
        return scale[:, :, None] * adjacency * scale[:, None, :]


@keras.saving.register_keras_serializable(package=PKG)
class SafeSymmetricNorm(SymmetricNorm):
    def inverse_root(self, degree):
        return tf.where(degree > 0, tf.pow(tf.maximum(degree, 1e-12), -0.5), 0.0)


@keras.saving.register_keras_serializable(package=PKG)
class GraphConv(keras.layers.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.mix = keras.layers.Dense(units, name='mix')

    def build(self, shapes):
        self.mix.build(shapes[0])

    def call(self, inputs):
        nodes, adjacency = inputs
        return tf.nn.elu(tf.matmul(adjacency, self.mix(nodes)) + self.mix(nodes))

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


def gcn(norm):
    keras.utils.set_random_seed(2)
    atoms = keras.Input((9, 5), name='atoms')
    bonds = keras.Input((9, 9), name='bonds')
    real = keras.Input((9, 1), name='is_atom')
    a = norm(bonds)
    h = GraphConv(12, name='conv_a')([atoms, a])
    h = GraphConv(12, name='conv_b')([h, a])
    h = keras.layers.Multiply(name='drop_padding')([h, real])
    pooled = keras.layers.GlobalAveragePooling1D(name='readout')(h)
    m = keras.Model({'atoms': atoms, 'bonds': bonds, 'is_atom': real}, keras.layers.Dense(1, name='solubility')(pooled))
    m.compile('adam', 'mse')
    return m


def build():
    return gcn(SymmetricNorm(name='normalize'))


def fixed():
    return gcn(SafeSymmetricNorm(name='normalize'))


def sample():
    r = np.random.default_rng(4)
    bonds = np.zeros((6, 9, 9), 'float32')
    real = np.zeros((6, 9, 1), 'float32')
    for k, n in enumerate((9, 7, 8, 6, 9, 5)):
        real[k, :n] = 1
        for i in range(n - 1):
            bonds[k, i, i + 1] = bonds[k, i + 1, i] = 1
    return {'atoms': (real * r.normal(size=(6, 9, 5))).astype('float32'), 'bonds': bonds, 'is_atom': real,
            'y': r.normal(size=(6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/BorealisAI/SLAPS-GNN/issues/3',
    'title': 'Loss is nan: nodes with no connections in the normalization of the adjacency',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'bonds', 'variable': None, 'layer': 'normalize', 'op': 'Pow', 'line': 'return tf.pow(degree, -0.5)'},
    'why': 'Padded atoms have degree 0; 0 ** -0.5 is inf, inf * 0 is NaN, and NaN spreads over every output.',
    'fix': 'Give nodes without neighbours a scale of 0 (or add self-loops).',
}
EXPECT['also'] = [
    {'op': 'Mul', 'line': 'return scale[:, :, None] * adjacency * scale[:, None, :]'},
    {'op': None, 'layer': 'normalize'},
    {'line': 'scale = self.inverse_root(tf.reduce_sum(adjacency, axis=-1))'},
    {'line': 'return gcn(SymmetricNorm(name='},
    {'line': 'a = norm(bonds)'},
]
