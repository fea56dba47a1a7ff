"""Healthy model: in_batch_contrastive_towers (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_in_batch_contrastive_towers')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Unit(L.Layer):
    def call(self, x): return ops.normalize(x, axis=-1)
@reg
class Scale(L.Layer):
    def build(self, a_shape, b_shape): self.log_scale = self.add_weight(name='log_scale', shape=(), initializer=keras.initializers.Constant(2.0))
    def call(self, a, b): return ops.exp(self.log_scale) * ops.matmul(a, ops.transpose(b))
@reg
class Clip(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        n = ops.arange(ops.shape(y_pred)[0]); f = keras.losses.sparse_categorical_crossentropy
        return .5 * (ops.mean(f(n, y_pred, from_logits=True)) + ops.mean(f(n, ops.transpose(y_pred), from_logits=True)))
def build():
    keras.utils.set_random_seed(19)
    t = keras.Input((6,), dtype='int32', name='title'); i = keras.Input((12,), name='image'); a = Unit(name='ua')(L.Dense(8, name='pa')(L.GlobalAveragePooling1D()(L.Embedding(30, 8, name='words')(t))))
    b = Unit(name='ub')(L.Dense(8, name='pb')(L.Dense(12, activation='gelu', name='hb')(i))); m = Clip({'title': t, 'image': i}, Scale(name='sim')(a, b)); m.compile('adam'); return m
def sample(): return {'title': I(30, 12, 6), 'image': F(12, 12)}
NOTES = dict(family='contrastive', why_hard='rows of the batch are compared with one another on purpose, no labels', legit_nongradient=[])
