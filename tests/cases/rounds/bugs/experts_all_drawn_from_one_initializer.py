"""Mixture of experts whose layers share one seeded initializer."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_experts_all_drawn_from_one_initializer')


@reg
class Mixture(L.Layer):
    def call(self, gate, *experts):
        return tf.einsum('be,bed->bd', gate, tf.stack(experts, 1))


def inputs():
    return keras.Input((6,), name='basket'), keras.Input((4,), name='context')


def head(basket, context, gate, experts):
    h = Mixture(name='mixture')(gate, *experts)
    m = keras.Model({'basket': basket, 'context': context}, L.Dense(1, activation='sigmoid', name='buys')(h))
    m.compile('adam', 'binary_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(9)
    basket, context = inputs()
    init = keras.initializers.GlorotUniform(seed=42)
    gate = L.Dense(4, activation='softmax', kernel_initializer='zeros', name='gate')(context)
    experts = [L.Dense(8, activation='gelu', kernel_initializer=init, name=f'expert{i}')(basket) for i in range(4)]
    return head(basket, context, gate, experts)


def fixed():
    keras.utils.set_random_seed(9)
    basket, context = inputs()
    gate = L.Dense(4, activation='softmax', kernel_initializer='zeros', name='gate')(context)
    experts = [L.Dense(8, activation='gelu', kernel_initializer=keras.initializers.GlorotUniform(seed=42 + i), name=f'expert{i}')(basket)
               for i in range(4)]
    return head(basket, context, gate, experts)


def sample():
    r = np.random.default_rng(0)
    return {'basket': r.normal(size=(12, 6)).astype('float32'), 'context': r.normal(size=(12, 4)).astype('float32'),
            'y': r.integers(0, 2, (12, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras-hub/issues/352', 'source_kind': 'variant',
    'title': 'Fix initializers for composite layers (the same initializer returns identical values each time)',
    'category': 'zero_gradient',
    'culprit': {'input': 'context', 'variable': 'gate/kernel', 'layer': 'gate', 'op': None, 'line': 'init = keras.initializers.GlorotUniform(seed=42)'},
    'why': 'All experts start with the same weights and get the same gradients, so that the gate has nothing to choose between: its gradient is 0 for ever.',
    'fix': 'One seed per expert.',
    'also': [{'layer': 'mixture', 'line': "return tf.einsum('be,bed->bd', gate, tf.stack(experts, 1))"}, {'variable': 'expert', 'line': 'kernel_initializer=init'},
             {'line': "experts = [L.Dense(8, activation='gelu', kernel_initializer=init"}, {'layer': 'expert'}, {'op': 'Softmax'},
             {'line': "h = Mixture(name='mixture')(gate, *experts)"},
             {'layer': 'gate', 'line': "gate = L.Dense(4, activation='softmax', kernel_initializer='zeros', name='gate')(context)"}],
}
