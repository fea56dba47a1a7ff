"""Healthy model: linear_chain_crf_tagger (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_linear_chain_crf_tagger')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Transitions(L.Layer):
    def build(self, s): self.t = self.add_weight(name='t', shape=(s[-1], s[-1]), initializer='zeros'); self.start = self.add_weight(name='start', shape=(s[-1],), initializer='zeros')
    def call(self, u): return ops.concatenate([u[:, :1] + self.start, u[:, 1:]], 1), ops.broadcast_to(self.t, (ops.shape(u)[0], *self.t.shape))
@reg
class CRF(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        u, t = y_pred['unary'], y_pred['trans'][0]; oh = ops.one_hot(y, 4); m = ops.cast(x['words'] > 0, 'float32')
        s = ops.sum(u * oh * m[..., None], (1, 2)) + ops.sum(ops.einsum('bti,ij,btj->bt', oh[:, :-1], t, oh[:, 1:]) * m[:, 1:], 1); a = u[:, 0]
        for i in range(1, u.shape[1]):
            n = ops.logsumexp(a[:, :, None] + t[None], 1) + u[:, i]; a = ops.where(m[:, i, None] > 0, n, a)
        return ops.mean(ops.logsumexp(a, -1) - s)
def build():
    keras.utils.set_random_seed(12)
    w = keras.Input((6,), dtype='int32', name='words'); h = L.Bidirectional(L.LSTM(5, return_sequences=True), name='bi')(L.Embedding(25, 6, mask_zero=True, name='table')(w))
    u, t = Transitions(name='crf')(L.Dense(4, name='emit')(h)); m = CRF({'words': w}, {'unary': u, 'trans': t}); m.compile('adam'); return m
def sample(): x = I(25, 10, 6, lo=1); x[3, 4:] = 0; x[7, 2:] = 0; return {'words': x, 'y': I(4, 10, 6, seed=1)}
NOTES = dict(family='text', why_hard='zero-initialised transitions, forward algorithm with where and logsumexp, masked steps', legit_nongradient=[])
