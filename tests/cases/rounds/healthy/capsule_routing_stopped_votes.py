"""A correct model: capsules."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_capsule_routing_stopped_votes')


def R():
    return np.random.default_rng(0)


def squash(s):
    n2 = tf.reduce_sum(tf.square(s), -1, keepdims=True)
    return s * n2 / (1.0 + n2) / tf.sqrt(n2 + 1e-7)


@reg
class Capsules(L.Layer):
    def __init__(self, caps=3, dim=4, **kw):
        super().__init__(**kw)
        self.caps, self.dim = caps, dim

    def get_config(self):
        return {**super().get_config(), 'caps': self.caps, 'dim': self.dim}

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[1], self.caps, shape[2], self.dim), initializer='glorot_normal', name='w')

    def call(self, u):
        votes = tf.einsum('bni,ncid->bncd', u, self.w)
        still = tf.stop_gradient(votes)
        b = tf.zeros_like(still[..., 0])
        for _ in range(2):
            v = squash(tf.einsum('bnc,bncd->bcd', tf.nn.softmax(b, -1), still))
            b += tf.einsum('bncd,bcd->bnc', still, v)
        return squash(tf.einsum('bnc,bncd->bcd', tf.nn.softmax(b, -1), votes))


@reg
class Length(L.Layer):
    def call(self, v):
        return tf.sqrt(tf.reduce_sum(tf.square(v), -1) + 1e-7)


@reg
def margin(y_true, y_pred):
    return tf.reduce_sum(y_true * tf.square(tf.maximum(0.0, 0.9 - y_pred)) + 0.5 * (1.0 - y_true) * tf.square(tf.maximum(0.0, y_pred - 0.1)), -1)


def build():
    keras.utils.set_random_seed(18)
    x = keras.Input((10, 10, 1), name='glyph')
    u = L.Reshape((16, 4))(L.Conv2D(4, 3, strides=2, activation='swish')(x))
    m = keras.Model({'glyph': x}, Length(name='length')(Capsules(name='caps')(u)))
    m.compile(optimizer='adam', loss=margin)
    return m


def sample():
    r = R()
    return {'glyph': 3.0 * r.normal(size=(9, 10, 10, 1)).astype('float32'), 'y': np.eye(3, dtype='float32')[np.arange(9) % 3]}


NOTES = dict(family='capsules', why_hard='routing coefficients computed from stopped votes, as in the paper', legit_nongradient=[])
