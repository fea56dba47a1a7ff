"""Causal language model whose output matrix is the embedding table."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_tied_softmax_language_model')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class TiedLM(keras.Model):
    def __init__(self, vocab=20, dim=8, **kw):
        super().__init__(**kw); self.vocab, self.dim = vocab, dim
        self.tok = L.Embedding(vocab, dim); self.att = L.MultiHeadAttention(2, 4); self.ln = L.LayerNormalization(); self.fc = L.Dense(dim, activation='gelu')
    def get_config(self): return {'vocab': self.vocab, 'dim': self.dim}
    def build(self, s):
        t = (None, None, self.dim); self.tok.build((None, None)); self.att.build(t, t); self.ln.build(t); self.fc.build(t); self.built = True
    def call(self, x):
        h = self.tok(x['ids']); h = self.ln(h + self.att(h, h, use_causal_mask=True)); h = h + self.fc(h)
        return tf.matmul(h, self.tok.embeddings, transpose_b=True)
def build():
    m = TiedLM(); m(sample_inputs()); m.compile('adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)); return m
IDS = I(20, 6, 10)
def sample_inputs(): return {'ids': IDS[:, :-1]}
def sample(): return {**sample_inputs(), 'y': IDS[:, 1:]}
NOTES = dict(family='text', why_hard='one table is used by gather and by a transposed matmul; subclassed model with a dict input', legit_nongradient=[dict(what='key/bias', kind='variable', category='zero_gradient', reason='a shift of all keys cancels in the softmax')])
