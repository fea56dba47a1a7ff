"""Attention U-Net with deep supervision on organ masks."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_attention_un')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


def build():
    keras.utils.set_random_seed(10)
    conv = lambda n, name: L.Conv2D(n, 3, padding='same', activation='swish', name=name)
    scan = keras.Input((16, 16, 1), name='scan')
    a = conv(6, 'e1')(scan)
    b = conv(8, 'e2')(L.MaxPooling2D()(a))
    c = conv(10, 'bottom')(L.MaxPooling2D()(b))
    outs = {}
    x = c
    for skip, n, name in ((b, 8, 'd2'), (a, 6, 'd1')):
        up = L.Conv2DTranspose(n, 2, strides=2, name=name + '_up')(x)
        gate = L.Conv2D(1, 1, activation='sigmoid', name=name + '_gate')(L.Activation('relu')(L.Add()([L.Conv2D(n, 1, name=name + '_g')(up), L.Conv2D(n, 1, name=name + '_s')(skip)])))
        x = conv(n, name)(L.Concatenate()([up, L.Multiply()([skip, gate])]))
        outs[name] = L.Conv2D(1, 1, activation='sigmoid', name=name + '_mask')(x)
    m = keras.Model(scan, {'coarse': outs['d2'], 'fine': outs['d1']})
    m.compile('adam', {'coarse': 'binary_crossentropy', 'fine': 'dice'}, loss_weights={'coarse': 0.3, 'fine': 1.0})
    return m


def sample():
    r = np.random.default_rng(10)
    fine = (r.random((4, 16, 16, 1)) > 0.6).astype('float32')
    return {'scan': r.random((4, 16, 16, 1)).astype('float32'), 'y:fine': fine, 'y:coarse': fine[:, ::2, ::2]}


NOTES = dict(family='medical imaging', why_hard='gates of one channel are broadcast, two losses on two resolutions, max pooling', legit_nongradient=[])
