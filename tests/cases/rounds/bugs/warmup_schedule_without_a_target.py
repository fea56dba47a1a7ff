"""Classifier compiled with a cosine schedule that warms up from zero."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_warmup_schedule_without_a_target')


def body(schedule):
    tok = keras.Input((10,), dtype='int32', name='tokens')
    h = L.Embedding(40, 8, name='embed')(tok)
    h = L.LayerNormalization(name='norm')(h + L.MultiHeadAttention(2, 4, name='attention')(h, h))
    m = keras.Model(tok, L.Dense(3, activation='softmax', name='topic')(L.GlobalAveragePooling1D()(h)))
    m.compile(keras.optimizers.AdamW(schedule), 'sparse_categorical_crossentropy', metrics=['accuracy'])
    return m


def build():
    keras.utils.set_random_seed(8)
    return body(keras.optimizers.schedules.CosineDecay(0.0, decay_steps=2000, warmup_steps=200))


def fixed():
    keras.utils.set_random_seed(8)
    return body(keras.optimizers.schedules.CosineDecay(1e-4, decay_steps=2000, warmup_target=1e-3, warmup_steps=200))


def sample():
    r = np.random.default_rng(0)
    return {'tokens': r.integers(0, 40, (8, 10)).astype('int32'), 'y': r.integers(0, 3, (8,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/18747', 'source_kind': 'variant',
    'title': 'Question on end_learning_rate and warmup_target of PolynomialDecay and CosineDecay (no validation)',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None,
                'line': 'return body(keras.optimizers.schedules.CosineDecay(0.0, decay_steps=2000, warmup_steps=200))'},
    'why': 'Without warmup_target the warm-up is ignored and the schedule decays from 0: the learning rate is 0 at every step.',
    'fix': 'Give warmup_target.',
    'also': [{'line': "m.compile(keras.optimizers.AdamW(schedule), 'sparse_categorical_crossentropy', metrics=['accuracy'])"}],
}
