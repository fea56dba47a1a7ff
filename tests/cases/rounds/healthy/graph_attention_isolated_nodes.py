"""Graph attention with a where-mask, self-loops and a masked mean readout; padding nodes exist."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_gat')


@reg
class GAT(L.Layer):
    def __init__(self, units, heads=2, **kw):
        super().__init__(**kw)
        self.units, self.heads = units, heads

    def build(self, shapes):
        f = shapes[0][-1]
        self.kernel = self.add_weight(shape=(f, self.heads, self.units), initializer='glorot_uniform', name='kernel')
        self.src = self.add_weight(shape=(self.heads, self.units), initializer='glorot_uniform', name='src')
        self.dst = self.add_weight(shape=(self.heads, self.units), initializer='glorot_uniform', name='dst')
        self.built = True

    def call(self, inputs):
        x, adj = inputs
        h = ops.einsum('bnf,fhu->bnhu', x, self.kernel)
        s = ops.einsum('bnhu,hu->bhn', h, self.src)[..., :, None] + ops.einsum('bnhu,hu->bhn', h, self.dst)[..., None, :]
        s = ops.where(adj[:, None] > 0, ops.leaky_relu(s), -1e9)
        return ops.elu(ops.reshape(ops.einsum('bhnm,bmhu->bnhu', ops.softmax(s), h), (-1, ops.shape(x)[1], self.heads * self.units)))

    def compute_output_shape(self, shapes):
        return tuple(shapes[0][:2]) + (self.heads * self.units,)

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'heads': self.heads}


@reg
class MaskedMean(L.Layer):
    def call(self, inputs):
        h, real = inputs
        return ops.sum(h * real[..., None], axis=1) / ops.maximum(ops.sum(real, axis=1, keepdims=True), 1.0)

    def compute_output_shape(self, shapes):
        return (shapes[0][0], shapes[0][2])


def build():
    keras.utils.set_random_seed(2)
    nodes, adj, real = keras.Input((7, 5), name='nodes'), keras.Input((7, 7), name='adj'), keras.Input((7,), name='real')
    h = GAT(4, name='gat1')([nodes, adj])
    h = GAT(4, name='gat2')([h, adj])
    y = L.Dense(1, activation='sigmoid', name='toxic')(MaskedMean(name='readout')([h, real]))
    m = keras.Model({'nodes': nodes, 'adj': adj, 'real': real}, y)
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(1)
    a = (r.uniform(size=(4, 7, 7)) < 0.4).astype('float32')
    a = np.maximum(a, a.transpose(0, 2, 1))
    real = np.ones((4, 7), 'float32')
    real[1, 5:] = 0
    real[3, 3:] = 0
    a *= real[:, None] * real[:, :, None]
    a[:, np.arange(7), np.arange(7)] = 1
    return {'nodes': r.normal(size=(4, 7, 5)).astype('float32'), 'adj': a, 'real': real, 'y': r.integers(0, 2, (4, 1)).astype('float32')}


NOTES = dict(family='graph', why_hard='adj only decides through a comparison, padding nodes have no gradient',
             legit_nongradient=[dict(what='adj', kind='none', category='mask', reason='the adjacency is a mask: it acts through a comparison only'),
                                dict(what='nodes', kind='partly', category='mask', reason='padding nodes are masked')])
