"""Mixture of experts with one active expert: the softmax over the single kept router score is always 1."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'single_expert_gate_is_always_one'


@keras.saving.register_keras_serializable(package=PKG)
class SparseExperts(keras.layers.Layer):
    def __init__(self, experts=4, units=12, active=1, **kw):
        super().__init__(**kw)
        self.experts, self.units, self.active = experts, units, active
        self.router = keras.layers.Dense(experts, use_bias=False, name='router')

    def build(self, shape):
        self.router.build(shape)
        self.expert_in = self.add_weight(shape=(self.experts, shape[-1], self.units), initializer=keras.initializers.RandomNormal(stddev=0.3, seed=4), name='expert_in')
        self.expert_out = self.add_weight(shape=(self.experts, self.units, shape[-1]), initializer=keras.initializers.RandomNormal(stddev=0.3, seed=5), name='expert_out')

    def route(self, tokens):
        scores, chosen = tf.math.top_k(self.router(tokens), k=self.active)
        return tf.nn.softmax(scores, axis=-1), chosen

    def call(self, tokens):
        gates, chosen = self.route(tokens)
        hidden = tf.nn.gelu(tf.einsum('btd,edh->bteh', tokens, self.expert_in))
        every = tf.einsum('bteh,ehd->bted', hidden, self.expert_out)
        kept = tf.gather(every, chosen, axis=2, batch_dims=2)
        return tokens + tf.reduce_sum(gates[..., None] * kept, axis=2)

    def get_config(self):
        return {**super().get_config(), 'experts': self.experts, 'units': self.units, 'active': self.active}


@keras.saving.register_keras_serializable(package=PKG)
class SwitchExperts(SparseExperts):
    def route(self, tokens):
        return tf.math.top_k(tf.nn.softmax(self.router(tokens), axis=-1), k=self.active)


def net(experts):
    keras.utils.set_random_seed(10)
    tokens = keras.Input((7,), dtype='int32', name='tokens')
    x = keras.layers.Embedding(50, 10, name='embedding')(tokens)
    x = experts(keras.layers.LayerNormalization(name='norm')(x))
    x = keras.layers.GlobalMaxPooling1D(name='pool')(x)
    m = keras.Model({'tokens': tokens}, keras.layers.Dense(3, activation='softmax', name='topic')(x))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    return net(SparseExperts(name='experts'))


def fixed():
    return net(SwitchExperts(name='experts'))


def sample():
    r = np.random.default_rng(12)
    return {'tokens': r.integers(0, 50, (16, 7)).astype('int32'), 'y': r.integers(0, 3, 16).astype('int32')}


EXPECT = {
    'source': 'https://github.com/NVIDIA/Megatron-LM/issues/894',
    'title': 'MoE with top-1: softmax after the selection on [tokens, 1] gives the router a gradient of 0',
    'source_kind': 'report',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'router/kernel', 'layer': 'experts', 'op': 'Softmax', 'line': 'return tf.nn.softmax(scores, axis=-1), chosen'},
    'why': 'A softmax over one value is the constant 1, so the router never learns which expert to pick.',
    'fix': 'Apply the softmax to all scores and keep the largest afterwards.',
}
EXPECT['also'] = [
    {'op': None}, {'layer': 'router'}, {'line': 'scores, chosen = tf.math.top_k(self.router(tokens), k=self.active)', 'op': None},
    {'line': 'gates, chosen = self.route(tokens)'}, {'line': 'return net(SparseExperts(name=', 'op': None},
    {'line': "x = experts(keras.layers.LayerNormalization(name='norm')(x))", 'op': None},
]
