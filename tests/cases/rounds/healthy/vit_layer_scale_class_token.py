"""Healthy model: vit_layer_scale_class_token (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_vit_layer_scale_class_token')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Tokens(L.Layer):
    def build(self, s):
        self.cls = self.add_weight(name='cls', shape=(1, 1, s[-1]), initializer=keras.initializers.RandomNormal(stddev=.02, seed=1))
        self.pos = self.add_weight(name='pos', shape=(1, s[1] + 1, s[-1]), initializer=keras.initializers.RandomNormal(stddev=.02, seed=2))
    def call(self, x): return ops.concatenate([ops.broadcast_to(self.cls, (ops.shape(x)[0], 1, x.shape[-1])), x], 1) + self.pos
@reg
class LayerScale(L.Layer):
    def build(self, s): self.gamma = self.add_weight(name='gamma', shape=(s[-1],), initializer=keras.initializers.Constant(1e-3))
    def call(self, x): return x * self.gamma
def build():
    keras.utils.set_random_seed(1)
    x = keras.Input((16, 16, 3), name='image'); h = Tokens(name='tokens')(L.Reshape((16, 12))(L.Conv2D(12, 4, 4, name='patch')(x)))
    for i in range(2):
        n = L.LayerNormalization(epsilon=1e-6)(h); h = h + LayerScale()(L.MultiHeadAttention(2, 6, use_bias=False)(n, n))
        n = L.LayerNormalization(epsilon=1e-6)(h); h = h + LayerScale()(L.Dense(12)(L.Dense(24, activation='gelu')(n)))
    m = keras.Model({'image': x}, L.Dense(4, name='out')(L.LayerNormalization()(h)[:, 0])); m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True)); return m
def sample(): return {'image': F(8, 16, 16, 3), 'y': I(4, 8)}
NOTES = dict(family='vision transformer', why_hard='layer scale of 1e-3 makes the gradients of the blocks tiny; only the class token is read at the end', legit_nongradient=[])
