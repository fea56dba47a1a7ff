"""Healthy model: learned_blur_and_tied_decoder (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_learned_blur_and_tied_decoder')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Blur(L.Layer):
    def build(self, s): self.c = s[-1]; self.log_sigma = self.add_weight(name='log_sigma', shape=(), initializer='zeros')
    def call(self, x):
        r = tf.range(-2., 3.); k = tf.exp(-.5 * (r[:, None] ** 2 + r[None] ** 2) * tf.exp(-2 * self.log_sigma)); k = k / tf.reduce_sum(k)
        return tf.nn.depthwise_conv2d(x, tf.tile(k[:, :, None, None], (1, 1, self.c, 1)), (1, 1, 1, 1), 'SAME')
@reg
class Tied(L.Layer):
    def __init__(self, u, **kw): super().__init__(**kw); self.u = u
    def build(self, s): self.w = self.add_weight(name='w', shape=(s[-1], self.u)); self.b = self.add_weight(name='b', shape=(self.u,), initializer='zeros'); self.c = self.add_weight(name='c', shape=(s[-1],), initializer='zeros')
    def call(self, x): return ops.matmul(ops.tanh(ops.matmul(x, self.w) + self.b), ops.transpose(self.w)) + self.c
    def get_config(self): return {**super().get_config(), 'u': self.u}
def build():
    keras.utils.set_random_seed(20)
    x = keras.Input((10, 10, 2), name='scan'); h = Blur(name='blur')(x); h = Tied(12, name='tied')(L.Flatten()(h)); o = L.Reshape((10, 10, 2))(h)
    m = keras.Model({'scan': x}, L.Add()([o, Blur(name='detail')(x)])); m.compile('adam', 'mse'); return m
def sample(): x = F(8, 10, 10, 2); return {'scan': x, 'y': .5 * x}
NOTES = dict(family='vision', why_hard='the kernel of the blur is computed from one scalar in each call; the decoder reuses the transposed encoder kernel', legit_nongradient=[])
