"""Healthy model: dueling_q_of_taken_action (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_dueling_q_of_taken_action')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Dueling(L.Layer):
    def call(self, v, a): return v + a - ops.mean(a, -1, keepdims=True)
@reg
class Pick(L.Layer):
    def call(self, q, act): return ops.take_along_axis(q, act[:, None], axis=1)
def build():
    keras.utils.set_random_seed(16)
    o = keras.Input((8, 8, 2), name='frames'); a = keras.Input((), dtype='int32', name='action'); h = L.Flatten()(L.Conv2D(6, 3, activation='relu', name='conv')(L.Rescaling(1 / 255.)(o)))
    q = Dueling(name='dueling')(L.Dense(1, name='v')(L.Dense(8, activation='relu', name='vh')(h)), L.Dense(5, name='a')(L.Dense(8, activation='relu', name='ah')(h)))
    m = keras.Model({'frames': o, 'action': a}, Pick(name='pick')(q, a)); m.compile(keras.optimizers.Adam(1e-4, clipnorm=10.), 'huber'); return m
def sample(): return {'frames': I(256, 16, 8, 8, 2).astype('float32'), 'action': I(5, 16, seed=1), 'y': F(16, 1, seed=2)}
NOTES = dict(family='RL', why_hard='only the Q-value of the action taken is read; the mean of the advantages is subtracted', legit_nongradient=[dict(what='action', kind='input', category='disconnected_input', reason='index')])
