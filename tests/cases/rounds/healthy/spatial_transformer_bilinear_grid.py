"""Spatial transformer: floor and integer casts pick the pixels, the weights carry the gradient."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_spatial_transformer_bilinear_grid')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Sampler(L.Layer):
    def call(self, img, theta):
        b, h, w = tf.shape(img)[0], img.shape[1], img.shape[2]
        gy, gx = tf.meshgrid(tf.linspace(-1., 1., h), tf.linspace(-1., 1., w), indexing='ij')
        g = tf.stack([tf.reshape(gx, [-1]), tf.reshape(gy, [-1]), tf.ones(h * w)], 0)
        xy = tf.matmul(tf.reshape(theta, (-1, 2, 3)), tf.tile(g[None], (b, 1, 1)))
        x, y = (xy[:, 0] + 1) * (w - 1) / 2, (xy[:, 1] + 1) * (h - 1) / 2
        x0, y0 = tf.floor(x), tf.floor(y); out = 0.
        for dx in (0., 1.):
            for dy in (0., 1.):
                xi, yi = x0 + dx, y0 + dy
                wt = (1 - tf.abs(x - xi)) * (1 - tf.abs(y - yi))
                idx = tf.cast(tf.clip_by_value(yi, 0, h - 1) * w + tf.clip_by_value(xi, 0, w - 1), tf.int32)
                out += wt[..., None] * tf.gather(tf.reshape(img, (-1, h * w, img.shape[-1])), idx, batch_dims=1)
        return tf.reshape(out, (-1, h, w, img.shape[-1]))
def build():
    x = keras.Input((10, 10, 1), name='digit')
    f = L.Conv2D(4, 3, strides=2, activation='tanh')(x)
    th = L.Dense(6, kernel_initializer=keras.initializers.RandomNormal(0., 1e-3), bias_initializer=keras.initializers.Constant([.9, .05, .02, -.03, .85, .01]), name='theta')(L.Flatten()(f))
    h = L.Conv2D(6, 3, activation='relu')(Sampler(name='sampler')(x, th))
    m = keras.Model(x, L.Dense(5, activation='softmax')(L.Flatten()(h))); m.compile('adam', loss='sparse_categorical_crossentropy'); return m
def sample(): return {'digit': np.abs(F(6, 10, 10, 1)), 'y': I(5, 6)}
NOTES = dict(family='vision', why_hard='Floor and Cast to int32 in the path of theta, but the bilinear weights have a gradient', legit_nongradient=[])
