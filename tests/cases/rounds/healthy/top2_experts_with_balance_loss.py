"""Mixture of experts with two active experts, renormalized gates and a load-balancing loss."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'top2_experts_with_balance_loss'


@keras.saving.register_keras_serializable(package=PKG)
class Top2(keras.layers.Layer):
    def __init__(self, experts=3, units=10, **kw):
        super().__init__(**kw)
        self.experts, self.units = experts, units

    def build(self, shape):
        d = shape[-1]
        self.router = self.add_weight(shape=(d, self.experts), name='router')
        self.w_in = self.add_weight(shape=(self.experts, d, self.units), name='w_in')
        self.w_out = self.add_weight(shape=(self.experts, self.units, d), name='w_out')

    def call(self, x):
        probs = tf.nn.softmax(tf.matmul(x, self.router))
        gates, chosen = tf.math.top_k(probs, 2)
        gates = gates / tf.reduce_sum(gates, axis=-1, keepdims=True)
        dispatch = tf.reduce_sum(tf.one_hot(chosen, self.experts) * gates[..., None], axis=-2)
        load = tf.reduce_mean(tf.cast(dispatch > 0, tf.float32), axis=[0, 1])
        self.add_loss(1e-2 * self.experts * tf.reduce_sum(tf.stop_gradient(load) * tf.reduce_mean(probs, axis=[0, 1])))
        h = tf.nn.gelu(tf.einsum('btd,edu->bteu', x, self.w_in))
        return x + tf.einsum('bteu,eud,bte->btd', h, self.w_out, dispatch)

    def get_config(self):
        return {**super().get_config(), 'experts': self.experts, 'units': self.units}


def build():
    keras.utils.set_random_seed(14)
    tokens = keras.Input((8,), dtype='int32', name='tokens')
    x = keras.layers.Embedding(40, 10, name='embedding')(tokens)
    x = Top2(name='experts')(keras.layers.LayerNormalization(name='norm')(x))
    m = keras.Model({'tokens': tokens}, keras.layers.Dense(40, name='next')(x))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def sample():
    t = np.random.default_rng(14).integers(0, 40, (8, 9)).astype('int32')
    return {'tokens': t[:, :-1], 'y': t[:, 1:]}


NOTES = dict(family='mixture of experts', why_hard='top_k and one_hot on the way, a comparison and a stop_gradient in the auxiliary loss, whose value mixes rows', legit_nongradient=[])
