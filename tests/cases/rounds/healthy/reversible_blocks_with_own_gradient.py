"""Reversible residual blocks that recompute their activations in a custom gradient."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_reversible_blocks_with_own_gradient')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Reversible(L.Layer):
    def build(self, s):
        d = s[-1] // 2
        k = lambda n, i: self.add_weight(name=n, shape=(d, d), initializer=keras.initializers.GlorotUniform(seed=i))
        self.f, self.g = k('f', 1), k('g', 2)

    def call(self, x):
        @tf.custom_gradient
        def block(x, wf, wg):
            x1, x2 = tf.split(x, 2, -1)
            y1 = x1 + tf.tanh(x2 @ wf)
            y2 = x2 + tf.tanh(y1 @ wg)
            y = tf.concat([y1, y2], -1)

            def grad(dy):
                b1, b2 = tf.split(tf.stop_gradient(y), 2, -1)
                d1, d2 = tf.split(dy, 2, -1)
                tg = tf.tanh(b1 @ wg)
                dz = d2 * (1 - tg * tg)
                dwg, d1 = tf.matmul(b1, dz, transpose_a=True), d1 + tf.matmul(dz, wg, transpose_b=True)
                a2 = b2 - tg
                tf_ = tf.tanh(a2 @ wf)
                dz = d1 * (1 - tf_ * tf_)
                dwf, d2 = tf.matmul(a2, dz, transpose_a=True), d2 + tf.matmul(dz, wf, transpose_b=True)
                return tf.concat([d1, d2], -1), dwf, dwg
            return y, grad
        return block(x, tf.convert_to_tensor(self.f), tf.convert_to_tensor(self.g))


def build():
    keras.utils.set_random_seed(11)
    x = keras.Input((6,), name='x')
    h = L.Dense(8, name='stem')(x)
    for i in range(3):
        h = Reversible(name=f'rev{i}')(h)
    m = keras.Model(x, L.Dense(3, activation='softmax', name='out')(h))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample(): return {'x': N(10, 6), 'y': I(3, 10)}


NOTES = dict(family='custom gradient', why_hard='stop_gradient inside the gradient function; the forward graph is not what is differentiated', legit_nongradient=[])
