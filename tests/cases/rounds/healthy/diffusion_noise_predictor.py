"""Healthy model: diffusion_noise_predictor (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_diffusion_noise_predictor')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class TimeCode(L.Layer):
    def call(self, t): f = ops.exp(-ops.arange(4, dtype='float32')) ; a = ops.cast(t, 'float32')[:, None] * f[None]; return ops.concatenate([ops.sin(a), ops.cos(a)], -1)
@reg
class AddNoise(L.Layer):
    def call(self, x, t, e):
        ab = tf.constant(np.cumprod(1 - np.linspace(1e-3, .1, 40)), 'float32'); a = tf.gather(ab, t)[:, None, None, None]; return tf.sqrt(a) * x + tf.sqrt(1 - a) * e
def build():
    keras.utils.set_random_seed(18)
    x = keras.Input((12, 12, 1), name='clean'); t = keras.Input((), dtype='int32', name='step'); e = keras.Input((12, 12, 1), name='noise'); z = AddNoise(name='q_sample')(x, t, e)
    c = L.Dense(16, name='film')(L.Dense(12, activation='silu', name='tmlp')(TimeCode(name='time')(t))); h = L.Conv2D(8, 3, padding='same', name='in')(z)
    h = L.GroupNormalization(2, name='gn')(h) * (1 + c[:, None, None, :8]) + c[:, None, None, 8:]; d = L.Conv2D(12, 3, 2, padding='same', activation='silu', name='down')(L.Activation('silu')(h))
    u = L.UpSampling2D()(d); o = L.Conv2D(1, 3, padding='same', name='eps')(L.Concatenate()([u, h])); m = keras.Model({'clean': x, 'step': t, 'noise': e}, o); m.compile('adam', 'mse'); return m
def sample(): e = F(8, 12, 12, 1, seed=1); return {'clean': F(8, 12, 12, 1), 'step': I(40, 8), 'noise': e, 'y': e}
NOTES = dict(family='diffusion', why_hard='the label is an input of the model (noise) by design; integer time step as index and as angle', legit_nongradient=[dict(what='step', kind='input', category='disconnected_input', reason='integer step')])
