"""A layer that clips the norm of the gradient on its way back through a recurrent encoder."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_gradient_clipping_layer_done_right')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class ClipBack(L.Layer):
    def __init__(self, norm=1.0, **kw):
        super().__init__(**kw); self.norm = norm
    def get_config(self): return {**super().get_config(), 'norm': self.norm}
    def call(self, x):
        @tf.custom_gradient
        def f(v): return tf.identity(v), lambda dy: tf.clip_by_norm(dy, self.norm)
        return f(x)
def build():
    x, s = keras.Input((14, 3), name='prices'), keras.Input((), dtype='int32', name='sector')
    h = ClipBack(.5, name='clip_1')(L.GRU(8, return_sequences=True)(x))
    h = ClipBack(.5, name='clip_2')(L.GRU(6)(h))
    m = keras.Model({'prices': x, 'sector': s}, L.Dense(2)(L.Concatenate()([h, L.Embedding(4, 3)(s)]))); m.compile('adam', loss='huber'); return m
def sample(): return {'prices': F(8, 14, 3), 'sector': I(4, 8), 'y': F(8, 2)}
NOTES = dict(family='time series', why_hard='custom_gradient that changes the gradient without stopping it', legit_nongradient=[])
