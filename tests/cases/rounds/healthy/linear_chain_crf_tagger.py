"""Linear chain CRF: gold tags enter through compute_loss, the partition function by logsumexp."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_linear_chain_crf_tagger')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class CRF(keras.Model):
    def __init__(self, tags=4, **kw):
        super().__init__(**kw); self.tags = tags; self.emb = L.Embedding(25, 6); self.gru = L.GRU(7, return_sequences=True); self.out = L.Dense(tags)
    def get_config(self): return {'tags': self.tags}
    def build(self, s):
        self.emb.build((None, None)); self.gru.build((None, None, 6)); self.out.build((None, None, 7))
        self.trans = self.add_weight(name='trans', shape=(self.tags, self.tags), initializer='random_normal'); self.built = True
    def call(self, x): return self.out(self.gru(self.emb(x['tokens'])))
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = tf.cast(y, tf.int32); a = y_pred[:, 0]
        gold = tf.reduce_sum(tf.gather(y_pred, y, batch_dims=2), 1) + tf.reduce_sum(tf.gather_nd(self.trans.value, tf.stack([y[:, :-1], y[:, 1:]], -1)), 1)
        for t in range(1, y_pred.shape[1]): a = tf.reduce_logsumexp(a[:, :, None] + self.trans[None], 1) + y_pred[:, t]
        return tf.reduce_mean(tf.reduce_logsumexp(a, -1) - gold)
X = I(25, 5, 7)
def build():
    m = CRF(); m({'tokens': X}); m.compile('adam'); return m
def sample(): return {'tokens': X, 'y': I(4, 5, 7)}
NOTES = dict(family='text', why_hard='no compiled loss; a weight that only the loss reads, not the outputs', legit_nongradient=[])
