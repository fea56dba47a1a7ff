"""Siamese signature verification with a safe square root; one pair is identical."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_siam')


@reg
class Distance(L.Layer):
    def call(self, inputs):
        a, b = inputs
        return ops.sqrt(ops.maximum(ops.sum(ops.square(a - b), axis=-1, keepdims=True), 1e-7))

    def compute_output_shape(self, shapes):
        return (shapes[0][0], 1)


@reg
def contrastive(y, d):
    return ops.mean(y * ops.square(d) + (1 - y) * ops.square(ops.maximum(1.0 - d, 0.0)), axis=-1)


def build():
    keras.utils.set_random_seed(15)
    a, b = keras.Input((10, 14, 1), name='left'), keras.Input((10, 14, 1), name='right')
    enc = keras.Sequential([keras.Input((10, 14, 1)), L.Conv2D(6, 3, activation='relu', name='conv'), L.MaxPooling2D(), L.Flatten(),
                            L.Dense(5, use_bias=False, name='embed'), L.UnitNormalization(name='unit')], name='encoder')
    m = keras.Model({'left': a, 'right': b}, Distance(name='distance')([enc(a), enc(b)]))
    m.compile('adam', contrastive)
    return m


def sample():
    r = np.random.default_rng(14)
    a, b = (r.uniform(size=(8, 10, 14, 1)).astype('float32') for _ in 'ab')
    b[3] = a[3]
    return {'left': a, 'right': b, 'y': np.array([1, 0, 1, 1, 0, 0, 1, 0], 'float32')[:, None]}


NOTES = dict(family='metric learning', why_hard='hinge and maximum: the identical pair has no gradient; shared encoder', legit_nongradient=[])
