"""Top-2 mixture of experts with renormalised gates and a load balancing loss."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_moe')


@reg
class TopTwoExperts(L.Layer):
    def __init__(self, experts=4, units=8, **kw):
        super().__init__(**kw)
        self.experts, self.units = experts, units

    def build(self, s):
        d = s[-1]
        self.gate = self.add_weight(shape=(d, self.experts), initializer='glorot_uniform', name='gate')
        self.w1 = self.add_weight(shape=(self.experts, d, self.units), initializer='he_normal', name='w1')
        self.w2 = self.add_weight(shape=(self.experts, self.units, d), initializer='glorot_uniform', name='w2')
        self.built = True

    def call(self, x):
        p = ops.softmax(x @ self.gate)
        _, idx = ops.top_k(p, 2)
        chosen = ops.sum(ops.one_hot(idx, self.experts), axis=-2)
        g = p * chosen
        g = g / ops.sum(g, axis=-1, keepdims=True)
        self.add_loss(0.01 * self.experts * ops.sum(ops.mean(ops.stop_gradient(chosen), axis=0) * ops.mean(p, axis=0)))
        h = ops.relu(ops.einsum('bd,edu->beu', x, self.w1))
        return x + ops.einsum('be,beu,eud->bd', g, h, self.w2)

    def compute_output_shape(self, s):
        return s

    def get_config(self):
        return {**super().get_config(), 'experts': self.experts, 'units': self.units}


def build():
    keras.utils.set_random_seed(8)
    x = keras.Input((10,), name='telemetry')
    h = L.Dense(8, activation='swish', name='lift')(x)
    h = TopTwoExperts(name='moe')(h)
    m = keras.Model(x, L.Dense(3, activation='softmax', name='state')(h))
    m.compile('adam', 'categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(7)
    return {'telemetry': r.normal(size=(32, 10)).astype('float32'), 'y': np.eye(3, dtype='float32')[r.integers(0, 3, 32)]}


NOTES = dict(family='mixture of experts', why_hard='top_k, one_hot and stop_gradient on the way of the gate, which still learns through the probabilities; the balance loss averages over the batch', legit_nongradient=[])
