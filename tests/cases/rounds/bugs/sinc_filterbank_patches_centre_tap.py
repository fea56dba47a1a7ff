"""Learned sinc filterbank that divides by zero at the centre tap and patches the value with tf.where."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='sinc_filterbank_patches_centre_tap')


@reg
class SincConv(L.Layer):
    def __init__(self, filters, half, **kw):
        super().__init__(**kw)
        self.filters, self.half = filters, half

    def build(self, shape):
        lows = np.linspace(.02, .3, self.filters).astype('float32')
        self.low = self.add_weight(name='low', shape=(self.filters,), initializer=keras.initializers.Constant(lows))
        self.band = self.add_weight(name='band', shape=(self.filters,), initializer=keras.initializers.Constant(.05))

    def sinc(self, f):
        t = tf.range(-float(self.half), self.half + 1.0)[:, None]
        arg = 2 * np.pi * f[None, :] * t
        return tf.where(t == 0, 1.0, tf.sin(arg) / arg)

    def call(self, wav):
        lo = tf.abs(self.low)
        hi = lo + tf.abs(self.band)
        kernel = 2 * hi * self.sinc(hi) - 2 * lo * self.sinc(lo)
        kernel *= tf.signal.hamming_window(2 * self.half + 1, periodic=False)[:, None]
        return tf.nn.conv1d(wav, kernel[:, None, :], stride=4, padding='VALID')

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters, 'half': self.half}


@reg
class SafeSincConv(SincConv):
    def sinc(self, f):
        t = tf.range(1.0, self.half + 1.0)[:, None]
        arg = 2 * np.pi * f[None, :] * t
        right = tf.sin(arg) / arg
        return tf.concat([right[::-1], tf.ones_like(right[:1]), right], 0)


def net(layer):
    keras.utils.set_random_seed(16)
    w, s = keras.Input((200, 1), name='waveform'), keras.Input((2,), name='mic')
    h = layer(6, 12, name='sinc')(w)
    h = L.GlobalAveragePooling1D()(L.Activation('relu')(L.Conv1D(8, 3, name='conv')(L.LeakyReLU(name='act')(h))))
    m = keras.Model({'waveform': w, 'mic': s}, L.Dense(4, activation='softmax', name='speaker')(L.Concatenate()([h, s])))
    m.compile('rmsprop', 'sparse_categorical_crossentropy')
    return m


def build():
    return net(SincConv)


def fixed():
    return net(SafeSincConv)


def sample():
    r = np.random.default_rng(5)
    return {'waveform': r.normal(size=(8, 200, 1)).astype('float32'), 'mic': r.random((8, 2)).astype('float32'), 'y': r.integers(0, 4, (8,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/mravanelli/pytorch-kaldi/issues/35', 'title': 'numerical instability of SincNet: NaN of sin(x)/x at 0 propagates even if the value is replaced',
    'source_kind': 'variant', 'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'low', 'layer': 'sinc', 'op': 'RealDiv', 'line': 'return tf.where(t == 0, 1.0, tf.sin(arg) / arg)'},
    'why': 'tf.where hides the 0/0 in the forward pass, but the gradient of the division is NaN there and zero times NaN is NaN.', 'fix': 'Compute one half and mirror it, or replace the argument before the division.',
    'also': [{'variable': 'band', 'op': None}, {'layer': 'sinc', 'op': None, 'line': 'arg = 2 * np.pi * f[None, :] * t'}, {'layer': 'sinc', 'op': 'SelectV2'}, {'layer': 'sinc', 'op': 'Sin'}, {'layer': 'sinc', 'op': None, 'line': 'kernel = 2 * hi * self.sinc(hi)'}],
}
