"""Set transformer with learned inducing points and a learned seed, over sets with padding."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_set_transformer_inducing_points')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Learned(L.Layer):
    def __init__(self, count=3, width=8, **kw):
        super().__init__(**kw)
        self.count, self.width = count, width

    def build(self, s):
        self.points = self.add_weight(name='points', shape=(self.count, self.width), initializer=keras.initializers.RandomNormal(seed=4))

    def call(self, like): return tf.tile(self.points[None], [tf.shape(like)[0], 1, 1])

    def compute_output_shape(self, s): return (s[0], self.count, self.width)

    def get_config(self): return {**super().get_config(), 'count': self.count, 'width': self.width}


def build():
    keras.utils.set_random_seed(13)
    x, mask = keras.Input((7, 4), name='points'), keras.Input((7,), dtype='bool', name='present')
    h = L.Dense(8, name='embed')(x)
    key = L.Reshape((1, 7))(mask)
    i = Learned(3, name='inducing')(h)
    i = L.LayerNormalization(name='n1')(i + L.MultiHeadAttention(2, 4, name='gather')(i, h, attention_mask=key))
    h = L.LayerNormalization(name='n2')(h + L.MultiHeadAttention(2, 4, name='spread')(h, i))
    s = Learned(1, name='seed')(h)
    s = s + L.MultiHeadAttention(2, 4, name='pool')(s, h, attention_mask=key)
    m = keras.Model({'points': x, 'present': mask}, L.Dense(1, name='volume')(L.Flatten()(s)))
    m.compile('adam', 'mse')
    return m


def sample():
    mask = np.arange(7) < np.array([7, 4, 5, 1, 6])[:, None]
    return {'points': N(5, 7, 4) * mask[..., None].astype('float32'), 'present': mask, 'y': N(5, 1, seed=1)}


NOTES = dict(family='sets', why_hard='queries that depend on the input only by its batch size; boolean mask input; the key bias has only rounding gradients', legit_nongradient=['present', 'gather/key/bias', 'spread/key/bias', 'pool/key/bias'])
