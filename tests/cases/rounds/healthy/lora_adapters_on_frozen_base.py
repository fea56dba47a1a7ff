"""Low-rank adapters next to frozen dense layers; head and adapters learn."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_lora_adapters_on_frozen_base')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Lora(L.Layer):
    def __init__(self, units, rank=2, **kw):
        super().__init__(**kw); self.units, self.rank = units, rank; self.base = L.Dense(units, name='base')
    def get_config(self): return {**super().get_config(), 'units': self.units, 'rank': self.rank}
    def build(self, s):
        self.base.build(s); self.base.trainable = False
        self.a = self.add_weight(name='a', shape=(s[-1], self.rank), initializer='he_normal'); self.b = self.add_weight(name='b', shape=(self.rank, self.units), initializer=keras.initializers.RandomNormal(0., 1e-3))
    def call(self, x): return self.base(x) + 2. * tf.matmul(tf.matmul(x, self.a), self.b)
def build():
    x, t = keras.Input((10,), name='clip_vec'), keras.Input((6,), name='text_vec')
    h = L.LeakyReLU()(Lora(8, name='img_0')(x)); g = L.LeakyReLU()(Lora(8, name='txt_0')(t))
    h = L.Concatenate()([h * g, L.Subtract()([h, g])])
    m = keras.Model([x, t], L.Dense(1, activation='sigmoid', name='match')(h)); m.compile(keras.optimizers.Adam(1e-4), loss='binary_crossentropy'); return m
def sample(): return {'clip_vec': F(8, 10), 'text_vec': F(8, 6), 'y': I(2, 8, 1).astype('float32')}
NOTES = dict(family='multimodal', why_hard='frozen random-looking base kernels, tiny gradients of the a factors', legit_nongradient=[])
