"""Weight-normalised dense layers shared by two towers and a learned log temperature."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_weight_normalised_metric_encoder')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class WNDense(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw); self.units = units
    def get_config(self): return {**super().get_config(), 'units': self.units}
    def build(self, s): self.v = self.add_weight(name='v', shape=(s[-1], self.units)); self.g = self.add_weight(name='g', shape=(self.units,), initializer='ones')
    def call(self, x): return tf.matmul(x, self.g * self.v / (tf.norm(self.v, axis=0, keepdims=True) + 1e-6))
@reg
class Similarities(L.Layer):
    def build(self, a_shape, b_shape): self.log_t = self.add_weight(name='log_t', shape=(), initializer=keras.initializers.Constant(2.0))
    def call(self, a, b):
        a, b = tf.nn.l2_normalize(a, -1, 1e-6), tf.nn.l2_normalize(b, -1, 1e-6); return tf.exp(tf.minimum(self.log_t, 4.6)) * tf.matmul(a, b, transpose_b=True)
@reg
class Contrastive(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        i = tf.range(tf.shape(y_pred)[0]); ce = tf.nn.sparse_softmax_cross_entropy_with_logits
        return tf.reduce_mean(ce(i, y_pred) + ce(i, tf.transpose(y_pred)))
def build():
    q, d = keras.Input((9,), name='query'), keras.Input((9,), name='doc'); w = WNDense(7, name='shared')
    m = Contrastive({'query': q, 'doc': d}, Similarities(name='sim')(L.Dense(5)(ops.gelu(w(q))), L.Dense(5)(ops.gelu(w(d))))); m.compile('adam'); return m
def sample(): return {'query': F(8, 9), 'doc': F(8, 9) + .1}
NOTES = dict(family='retrieval', why_hard='outputs mix the batch on purpose (in-batch negatives), no labels, clipped temperature', legit_nongradient=[])
