"""Signal model whose attention layer was given axis 0."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_signal_attention_along_axis_zero')


def body(attention):
    sig = keras.Input((18, 1), name='signal')
    age = keras.Input((1,), name='age')
    h = L.Conv1D(8, 3, padding='same', activation='relu', name='conv')(sig)
    h = L.LayerNormalization(name='norm')(h + attention(h, h))
    h = L.Concatenate()([L.GlobalAveragePooling1D(name='pool')(h), age])
    m = keras.Model({'signal': sig, 'age': age}, L.Dense(1, activation='sigmoid', name='arrhythmia')(h))
    m.compile('adam', 'binary_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(13)
    return body(L.MultiHeadAttention(num_heads=2, key_dim=5, use_bias=False, dropout=0.1, attention_axes=(0,), name='attention'))


def fixed():
    keras.utils.set_random_seed(13)
    return body(L.MultiHeadAttention(num_heads=2, key_dim=5, use_bias=False, dropout=0.1, attention_axes=(1,), name='attention'))


def sample():
    r = np.random.default_rng(0)
    return {'signal': r.normal(size=(6, 18, 1)).astype('float32'), 'age': r.normal(size=(6, 1)).astype('float32'),
            'y': r.integers(0, 2, (6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/14405', 'source_kind': 'variant',
    'title': 'Multiheadattention layer dimensions (attention_axes = 0)',
    'category': 'batch_mixing',
    'culprit': {'input': 'signal', 'variable': None, 'layer': 'attention', 'op': None,
                'line': "return body(L.MultiHeadAttention(num_heads=2, key_dim=5, use_bias=False, dropout=0.1, attention_axes=(0,), name='attention'))"},
    'why': 'Axis 0 is the batch: each patient attends to the same time step of the other patients.',
    'fix': 'Attend along axis 1 (the default).',
    'also': [{'layer': 'attention', 'line': "h = L.LayerNormalization(name='norm')(h + attention(h, h))"}, {'op': 'Softmax'}, {'op': 'Einsum'}, {'layer': 'softmax'},
             {'op': 'BatchMatMulV2'}, {'op': 'MatMul'}],
}
