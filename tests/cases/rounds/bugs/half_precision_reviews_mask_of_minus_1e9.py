"""The additive mask constant -1e9 does not fit float16 under a mixed policy."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(7)
reg = keras.saving.register_keras_serializable(package='m5_fp16')


@reg
class AttentionPool(L.Layer):
    def __init__(self, floor=-1e9, **kw):
        super().__init__(**kw)
        self.floor = floor
        self.score = L.Dense(1, use_bias=False, dtype=self.dtype_policy, name='score')

    def get_config(self):
        return {**super().get_config(), 'floor': self.floor}

    def build(self, x_shape, mask_float_shape):
        self.score.build(x_shape)

    def call(self, x, mask_float):
        s = self.score(x)[..., 0]
        s = s + (1.0 - mask_float) * tf.cast(self.floor, s.dtype)
        return tf.reduce_sum(tf.nn.softmax(s)[..., None] * x, 1)


def net(floor):
    p = 'mixed_float16'
    words, valid, stars = keras.Input((8, 6), name='words'), keras.Input((8,), name='valid'), keras.Input((1,), name='stars')
    h = L.Dense(10, activation='relu', dtype=p, name='word_fc')(words)
    h = AttentionPool(floor, dtype=p, name='pool')(h, valid)
    h = L.Concatenate(dtype=p)([h, L.Dense(3, dtype=p, name='stars_fc')(stars)])
    m = keras.Model({'words': words, 'valid': valid, 'stars': stars}, L.Dense(1, dtype='float32', name='helpful')(h))
    m.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return m


def build():
    return net(-1e9)


def fixed():
    return net(-3e4)


def sample():
    r = np.random.default_rng(0)
    n = np.array([8, 3, 5, 8, 1, 6])
    return {'words': r.normal(size=(6, 8, 6)).astype('float32'), 'valid': (np.arange(8)[None] < n[:, None]).astype('float32'),
            'stars': r.random((6, 1), 'float32'), 'y': r.integers(0, 2, (6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/pull/17571',
    'title': 'Softmax fix in Mixed Precision (mask value overflows in float16)',
    'source_kind': 'variant', 'category': 'nonfinite_gradient',
    'culprit': {'input': 'words', 'variable': 'word_fc/kernel', 'layer': 'pool', 'op': 'Cast',
                'line': 's = s + (1.0 - mask_float) * tf.cast(self.floor, s.dtype)'},
    'why': '-1e9 is -inf in float16, and 0 * -inf at every valid word is NaN.',
    'fix': 'Use a constant that fits the compute dtype (-3e4), or tf.where in float32.',
    'also': [{'op': 'Mul', 'layer': 'pool', 'line': None}, {'op': 'AddV2', 'layer': 'pool', 'line': None}, {'op': 'Softmax', 'layer': 'pool', 'line': 'tf.nn.softmax(s)'},
             {'op': None, 'layer': None, 'line': 'return net(-1e9)'}, {'op': None, 'layer': None, 'line': 'floor=-1e9'}],
}
