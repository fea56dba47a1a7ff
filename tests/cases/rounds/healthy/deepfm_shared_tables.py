"""Healthy model: deepfm_shared_tables (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_deepfm_shared_tables')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class FM(L.Layer):
    def call(self, v): return .5 * ops.sum(ops.square(ops.sum(v, 1)) - ops.sum(ops.square(v), 1), -1, keepdims=True)
@reg
class Offset(L.Layer):
    def call(self, ids): return ids + ops.convert_to_tensor([[0, 10, 15, 23]], dtype='int32')
def build():
    keras.utils.set_random_seed(8)
    i = keras.Input((4,), dtype='int32', name='fields'); x = keras.Input((3,), name='dense'); f = Offset(name='offset')(i)
    v = L.Embedding(30, 6, name='factors')(f); w = L.Embedding(30, 1, embeddings_initializer='zeros', name='linear')(f)
    deep = L.Dense(1, use_bias=False, name='deep_out')(L.Dense(12, activation='relu', name='deep1')(L.Concatenate()([L.Flatten()(v), x])))
    m = keras.Model({'fields': i, 'dense': x}, L.Activation('sigmoid', name='ctr')(L.Add()([FM(name='fm')(v), ops.sum(w, 1), deep, L.Dense(1, name='wide')(x)]))); m.compile('adagrad', 'binary_crossentropy'); return m
def sample(): return {'fields': np.stack([I(10, 24), I(5, 24, seed=1), I(8, 24, seed=2), I(7, 24, seed=3)], 1), 'dense': F(24, 3), 'y': I(2, 24, 1, seed=4).astype('float32')}
NOTES = dict(family='recommender', why_hard='zero-initialised first-order table (right: it is additive), integer offsets', legit_nongradient=[])
