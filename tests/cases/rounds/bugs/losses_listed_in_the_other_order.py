"""Payment model whose two losses are listed in the other order than its outputs."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_losses_listed_in_the_other_order')


def body(losses):
    txn = keras.Input((7,), name='transaction')
    merchant = keras.Input((1,), dtype='int32', name='merchant')
    h = L.Concatenate()([txn, L.Flatten()(L.Embedding(15, 4, name='merchant_table')(merchant))])
    h = L.Dense(16, activation='relu', name='shared')(h)
    fraud = L.Dense(1, activation='sigmoid', name='fraud')(h)
    amount = L.Dense(1, name='amount')(h)
    m = keras.Model({'transaction': txn, 'merchant': merchant}, [fraud, amount])
    m.compile('adam', loss=losses)
    return m


def build():
    keras.utils.set_random_seed(19)
    return body(['mse', 'binary_crossentropy'])


def fixed():
    keras.utils.set_random_seed(19)
    return body(['binary_crossentropy', 'mse'])


def sample():
    r = np.random.default_rng(0)
    return {'transaction': r.normal(size=(16, 7)).astype('float32'), 'merchant': r.integers(0, 15, (16, 1)).astype('int32'),
            'y:fraud': r.integers(0, 2, (16, 1)).astype('float32'), 'y:amount': r.normal(2.0, 1.5, (16, 1)).astype('float32')}


EXPECT = {
    'source': 'own', 'source_kind': 'own', 'title': 'loss=[...] in another order than outputs=[...]',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': 'amount', 'op': None, 'line': "return body(['mse', 'binary_crossentropy'])"},
    'why': 'The linear amount is trained by a cross-entropy of clipped values, with targets outside of 0..1; the probability by squared error.',
    'fix': 'Swap them, or name them in a dict.',
    'also': [{'line': "m.compile('adam', loss=losses)"}, {'line': "amount = L.Dense(1, name='amount')(h)"}, {'line': 'm = keras.Model('}, {'variable': 'amount'}, {'input': 'amount'}, {'layer': 'fraud'},
             {'line': "'y:amount': r.normal(2.0, 1.5, (16, 1))"}],
}
