"""Graph attention masks with log(adjacency); a node without neighbours makes the softmax NaN."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='molgat')
class GraphAttention(layers.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units

    def build(self, shapes):
        f = shapes[0][-1]
        self.kernel = self.add_weight(shape=(f, self.units), initializer='glorot_uniform', name='kernel')
        self.src = self.add_weight(shape=(self.units, 1), initializer='glorot_uniform', name='att_src')
        self.dst = self.add_weight(shape=(self.units, 1), initializer='glorot_uniform', name='att_dst')
        self.built = True

    def mask(self, scores, adjacency):
        return scores + ops.log(adjacency)

    def call(self, inputs):
        x, adjacency = inputs
        h = ops.matmul(x, self.kernel)
        scores = ops.leaky_relu(ops.matmul(h, self.src) + ops.transpose(ops.matmul(h, self.dst), (0, 2, 1)))
        att = ops.softmax(self.mask(scores, adjacency), axis=-1)
        return ops.elu(ops.matmul(att, h))

    def compute_output_shape(self, shapes):
        return tuple(shapes[0][:2]) + (self.units,)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@keras.saving.register_keras_serializable(package='molgat')
class FiniteGraphAttention(GraphAttention):
    def mask(self, scores, adjacency):
        return scores + ops.log(ops.maximum(adjacency, 1e-9))


def make(cls):
    keras.utils.set_random_seed(47)
    atoms = keras.Input((6, 5), name='atoms')
    bonds = keras.Input((6, 6), name='bonds')
    h = cls(8, name='gat_a')([atoms, bonds])
    h = cls(8, name='gat_b')([h, bonds])
    logp = layers.Dense(1, name='logp')(layers.GlobalAveragePooling1D()(h))
    model = keras.Model({'atoms': atoms, 'bonds': bonds}, logp)
    model.compile('adam', 'mse')
    return model


def build():
    return make(GraphAttention)


def fixed():
    return make(FiniteGraphAttention)


def sample():
    r = np.random.default_rng(13)
    n = 4
    a = (r.uniform(size=(n, 6, 6)) < 0.6).astype('float32')
    a = np.maximum(a, a.transpose(0, 2, 1))
    a[:, np.arange(6), np.arange(6)] = 1.0
    a[2, 4:, :] = 0.0
    a[2, :, 4:] = 0.0
    return {'atoms': r.normal(size=(n, 6, 5)).astype('float32'), 'bonds': a, 'y': r.normal(size=(n, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/danielegrattarola/keras-gat/issues/23',
    'title': 'Getting NaN loss',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'bonds', 'variable': 'gat_a/kernel', 'layer': 'gat_a', 'op': None, 'line': 'return scores + ops.log(adjacency)'},
    'why': 'Padding nodes of graph 2 have no neighbour: their whole row is -inf, softmax of it is NaN, and so are the loss and all gradients.',
    'fix': 'Keep the logarithm finite: log(maximum(adjacency, 1e-9)) (or self-loops for padding).',
    'also': [{'input': None, 'variable': None, 'layer': 'gat_a', 'op': 'Softmax', 'line': None},
             {'input': None, 'variable': None, 'layer': 'gat_a', 'op': 'Log', 'line': None},
             {'input': None, 'variable': None, 'layer': 'gat_a', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'att = ops.softmax(self.mask(scores, adjacency), axis=-1)'},
             {'input': 'bonds', 'variable': None, 'layer': None, 'op': None, 'line': None}],
}
