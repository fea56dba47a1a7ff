"""tf.nn.l2_normalize without an axis normalises the whole batch as one vector."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package='retrieval')
class UnitNorm(layers.Layer):
    def call(self, x):
        return tf.nn.l2_normalize(x)


@keras.saving.register_keras_serializable(package='retrieval')
class RowUnitNorm(layers.Layer):
    def call(self, x):
        return tf.nn.l2_normalize(x, axis=-1)


def make(norm):
    keras.utils.set_random_seed(71)
    query = keras.Input((7,), dtype='int32', name='query')
    photo = keras.Input((8, 8, 3), name='photo')
    q = layers.GlobalAveragePooling1D(name='q_pool')(layers.Embedding(30, 12, name='words')(query))
    q = norm(name='q_unit')(layers.Dense(6, name='q_proj')(q))
    p = layers.GlobalMaxPooling2D(name='p_pool')(layers.Conv2D(10, 3, activation='relu', name='p_conv')(photo))
    p = norm(name='p_unit')(layers.Dense(6, name='p_proj')(p))
    cosine = layers.Dot(axes=-1, name='cosine')([q, p])
    match = layers.Dense(1, activation='sigmoid', kernel_initializer=keras.initializers.Constant(5.0), name='match')(cosine)
    model = keras.Model({'query': query, 'photo': photo}, match)
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(UnitNorm)


def fixed():
    return make(RowUnitNorm)


def sample():
    r = np.random.default_rng(18)
    n = 8
    return {'query': r.integers(0, 30, (n, 7)).astype('int32'), 'photo': r.uniform(size=(n, 8, 8, 3)).astype('float32'),
            'y': r.integers(0, 2, (n, 1)).astype('float32')}


EXPECT = {
    'source': 'own',
    'title': 'l2_normalize without axis',
    'source_kind': 'own',
    'category': 'batch_mixing',
    'culprit': {'input': 'photo', 'variable': None, 'layer': 'q_unit', 'op': None, 'line': 'return tf.nn.l2_normalize(x)'},
    'why': 'axis=None sums the squares over all elements: the embedding of a row depends on all other rows and on the batch size.',
    'fix': 'axis=-1',
    'also': [{'input': None, 'variable': None, 'layer': 'p_unit', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'q_unit', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "q = norm(name='q_unit')(layers.Dense(6, name='q_proj')(q))"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "p = norm(name='p_unit')(layers.Dense(6, name='p_proj')(p))"}],
}
