"""Attention under mixed_float16 with a mask constant that fits and a float32 softmax."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_mixed_float16_attention_safe_mask')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Attend(L.Layer):
    def __init__(self, dim=8, **kw):
        super().__init__(**kw); self.dim = dim; self.q, self.k, self.v = (L.Dense(dim, dtype=self.dtype_policy, name=n) for n in 'qkv')
    def get_config(self): return {**super().get_config(), 'dim': self.dim}
    def build(self, x_shape, valid_shape): [d.build(x_shape) for d in (self.q, self.k, self.v)]
    def call(self, x, valid):
        s = tf.cast(tf.matmul(self.q(x), self.k(x), transpose_b=True), tf.float32) / self.dim ** .5
        s = tf.where(valid[:, None] > .5, s, -1e9)
        return tf.matmul(tf.cast(tf.nn.softmax(s), x.dtype), self.v(x))
def build():
    p = 'mixed_float16'; x, v = keras.Input((7, 5), name='x'), keras.Input((7,), name='valid')
    h = L.LayerNormalization(dtype=p)(Attend(8, dtype=p, name='attend')(L.Dense(8, dtype=p)(x), v))
    m = keras.Model({'x': x, 'valid': v}, L.Dense(3, dtype='float32')(L.GlobalAveragePooling1D(dtype=p)(h)))
    m.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)); return m
def sample(): return {'x': F(6, 7, 5), 'valid': (np.arange(7)[None] < np.array([7, 2, 4, 5, 1, 6])[:, None]).astype('float32'), 'y': I(3, 6)}
NOTES = dict(family='text', why_hard='casts between float16 and float32; -1e9 only in float32; k bias has a zero gradient in exact arithmetic (softmax shift)', legit_nongradient=[dict(what='valid', kind='input', category='nondifferentiable_op', reason='a mask, only compared'), dict(what='attend/k/bias', kind='variable', category='zero_gradient', reason='a shift of all keys cancels in the softmax')])
