"""Healthy model: conv_mask_separator_sisnr (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_conv_mask_separator_sisnr')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
def si_snr(y, p):
    y, p = y - tf.reduce_mean(y, -1, keepdims=True), p - tf.reduce_mean(p, -1, keepdims=True)
    t = tf.reduce_sum(y * p, -1, keepdims=True) * y / (tf.reduce_sum(y * y, -1, keepdims=True) + 1e-8); e = p - t
    return -10. * (tf.math.log(tf.reduce_sum(t * t, -1) + 1e-8) - tf.math.log(tf.reduce_sum(e * e, -1) + 1e-8)) / np.log(10.)
def build():
    keras.utils.set_random_seed(11)
    x = keras.Input((64,), name='mixture'); z = L.Conv1D(12, 8, 4, padding='same', activation='relu', use_bias=False, name='enc')(L.Reshape((64, 1))(x))
    h = L.LayerNormalization(name='ln')(z)
    for d in (1, 2): h = h + L.Conv1D(12, 3, padding='same', dilation_rate=d, activation='elu', name=f'tcn{d}')(h)
    k = L.Conv1D(24, 1, activation='sigmoid', name='masks')(h); dec = L.Conv1DTranspose(1, 8, 4, padding='same', use_bias=False, name='dec')
    o = ops.stack([L.Reshape((64,))(dec(z * k[..., :12])), L.Reshape((64,))(dec(z * k[..., 12:]))], 1)
    m = keras.Model({'mixture': x}, o); m.compile('adam', si_snr); return m
def sample(): s = F(6, 2, 64); return {'mixture': s.sum(1), 'y': s}
NOTES = dict(family='audio', why_hard='multiplicative masks, one decoder used twice, a scale-invariant loss', legit_nongradient=[])
