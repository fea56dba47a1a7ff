"""Speech encoder in mixed precision: padding is masked by adding (1 - mask) * -1e9, which is -inf in float16."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'speech_attention_bias_beyond_half'


@keras.saving.register_keras_serializable(package=PKG)
class FrameAttention(keras.layers.Layer):
    BIAS = -1e9

    def __init__(self, units=12, **kw):
        super().__init__(**kw)
        self.units = units
        self.qkv = keras.layers.Dense(3 * units, name='qkv', dtype=self.dtype_policy)

    def build(self, shapes):
        self.qkv.build(shapes[0])

    def call(self, inputs):
        frames, mask = inputs
        q, k, v = tf.split(self.qkv(frames), 3, axis=-1)
        scores = tf.matmul(q, k, transpose_b=True) / self.units ** 0.5
        scores += (1.0 - tf.cast(mask, scores.dtype))[:, None, :] * self.BIAS
        return tf.matmul(tf.nn.softmax(scores, axis=-1), v)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@keras.saving.register_keras_serializable(package=PKG)
class HalfFrameAttention(FrameAttention):
    BIAS = -1e4


def encoder(attention):
    keras.utils.set_random_seed(13)
    frames = keras.Input((20, 8), name='filterbank')
    mask = keras.Input((20,), name='is_speech')
    x = keras.layers.Conv1D(12, 3, padding='same', activation='relu', dtype='mixed_float16', name='subsample')(frames)
    x = keras.layers.Add(dtype='mixed_float16', name='residual')([x, attention([x, mask])])
    x = keras.layers.LayerNormalization(dtype='mixed_float16', name='norm')(x)
    x = keras.layers.GlobalAveragePooling1D(dtype='mixed_float16', name='utterance')(x)
    m = keras.Model({'filterbank': frames, 'is_speech': mask}, keras.layers.Dense(6, dtype='float32', name='keyword')(x))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return encoder(FrameAttention(dtype='mixed_float16', name='self_attention'))


def fixed():
    return encoder(HalfFrameAttention(dtype='mixed_float16', name='self_attention'))


def sample():
    r = np.random.default_rng(15)
    mask = (np.arange(20)[None] < r.integers(8, 21, (6, 1))).astype('float32')
    return {'filterbank': (mask[..., None] * r.normal(size=(6, 20, 8))).astype('float32'), 'is_speech': mask, 'y': r.integers(0, 6, 6).astype('int32')}


EXPECT = {
    'source': 'https://github.com/openai/gpt-2/pull/122',
    'title': 'mask_attn_weights multiplies by 1e10: overflow in float16',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'is_speech', 'variable': 'qkv/kernel', 'layer': 'self_attention', 'op': 'Mul',
                'line': 'scores += (1.0 - tf.cast(mask, scores.dtype))[:, None, :] * self.BIAS'},
    'why': '-1e9 is -inf in float16 and 0 * -inf is NaN, so already the frames that are not masked are NaN.',
    'fix': 'Use a bias that float16 can hold (-1e4).',
}
EXPECT['also'] = [
    {'input': None, 'variable': None}, {'op': None}, {'line': 'BIAS = -1e9', 'op': None}, {'op': 'Softmax', 'line': 'return tf.matmul(tf.nn.softmax(scores, axis=-1), v)'},
    {'op': 'AddV2'}, {'op': 'Cast'}, {'line': "x = keras.layers.Add(dtype='mixed_float16', name='residual')([x, attention([x, mask])])", 'op': None},
    {'line': "return encoder(FrameAttention(dtype='mixed_float16'", 'op': None}, {'variable': None},
]
