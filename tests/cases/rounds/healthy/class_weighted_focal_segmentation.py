"""Focal loss with class weights over a skip-connected segmentation net."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_class_weighted_focal_segmentation')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
def focal(y, p):
    y = tf.cast(y, tf.int32); p = tf.clip_by_value(p, 1e-6, 1.)
    pt = tf.gather(p, y, batch_dims=3, axis=-1); w = tf.gather(tf.constant([.2, 1., 5.]), y)
    return w * tf.pow(1. - pt, 2.) * -tf.math.log(pt)
def build():
    x = keras.Input((12, 12, 2), name='scan'); a = L.Conv2D(6, 3, padding='same', activation='relu')(x)
    b = L.Conv2D(8, 3, padding='same', activation='relu')(L.MaxPooling2D()(a)); c = L.Resizing(12, 12, interpolation='bilinear')(b)
    m = keras.Model(x, L.Conv2D(3, 1, activation='softmax')(L.Concatenate()([a, c]))); m.compile('adam', loss=focal); return m
def sample(): return {'scan': F(3, 12, 12, 2), 'y': I(3, 3, 12, 12)}
NOTES = dict(family='vision', why_hard='labels (b,h,w) against predictions (b,h,w,c) in a custom loss; gather with batch_dims; clip', legit_nongradient=[])
