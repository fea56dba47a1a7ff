"""A recurrent reader points at one of the candidates; candidates that are absent are masked."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_pointer_network_over_candidates')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Pointer(L.Layer):
    def __init__(self, units=6, **kw):
        super().__init__(**kw); self.units = units; self.wq, self.wk = L.Dense(units, name='wq'), L.Dense(units, use_bias=False, name='wk')
    def get_config(self): return {**super().get_config(), 'units': self.units}
    def build(self, q_shape, k_shape, present_shape): self.wq.build(q_shape); self.wk.build(k_shape); self.v = self.add_weight(name='v', shape=(self.units,))
    def call(self, q, k, present):
        s = tf.reduce_sum(self.v * tf.tanh(self.wq(q)[:, None] + self.wk(k)), -1)
        return tf.where(present > .5, s, tf.fill(tf.shape(s), -1e9))
def build():
    h, c, p = keras.Input((6, 3), name='history'), keras.Input((5, 4), name='candidates'), keras.Input((5,), name='present')
    enc = L.Dense(5, activation='tanh', name='cand_fc')(c)
    m = keras.Model({'history': h, 'candidates': c, 'present': p}, Pointer(6, name='point')(L.LSTM(6)(h), enc, p))
    m.compile('adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)); return m
def sample(): pr = np.ones((7, 5), 'float32'); pr[::2, 4] = 0; return {'history': F(7, 6, 3), 'candidates': F(7, 5, 4), 'present': pr, 'y': I(4, 7)}
NOTES = dict(family='recommender', why_hard='tf.where with a constant branch; the presence input is only compared', legit_nongradient=[dict(what='present', kind='input', category='nondifferentiable_op', reason='a mask, only compared')])
