"""Healthy model: vq_autoencoder_straight_through (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_vq_autoencoder_straight_through')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class VQ(L.Layer):
    def __init__(self, n=8, **kw): super().__init__(**kw); self.n = n
    def build(self, s): self.book = self.add_weight(name='book', shape=(self.n, s[-1]), initializer=keras.initializers.RandomNormal(stddev=.5, seed=3))
    def call(self, z):
        d = tf.reduce_sum(z ** 2, -1, keepdims=True) - 2 * tf.matmul(z, self.book, transpose_b=True) + tf.reduce_sum(tf.convert_to_tensor(self.book) ** 2, -1)
        q = tf.gather(tf.convert_to_tensor(self.book), tf.argmin(d, -1))
        self.add_loss(tf.reduce_mean((tf.stop_gradient(z) - q) ** 2) + .25 * tf.reduce_mean((z - tf.stop_gradient(q)) ** 2))
        return z + tf.stop_gradient(q - z)
    def get_config(self): return {**super().get_config(), 'n': self.n}
def build():
    keras.utils.set_random_seed(2)
    x = keras.Input((16, 2), name='motion'); h = L.Conv1D(8, 3, 2, padding='same', activation='relu')(x)
    z = VQ(name='vq')(L.Conv1D(4, 3, 2, padding='same', name='pre')(h))
    o = L.Conv1DTranspose(2, 4, 2, padding='same')(L.Conv1DTranspose(8, 4, 2, padding='same', activation='relu')(z))
    m = keras.Model({'motion': x}, o); m.compile('adam', 'mse'); return m
def sample(): x = F(12, 16, 2); return {'motion': x, 'y': x}
NOTES = dict(family='autoencoder', why_hard='argmin and three stop_gradients, all of them right; codebook learns by the added loss', legit_nongradient=[])
