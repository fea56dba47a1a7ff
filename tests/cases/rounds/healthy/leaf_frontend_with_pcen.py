"""Audio: learnable Gabor filters, smoothing and per-channel energy normalization with learned exponents on zero-padded clips."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'leaf_frontend_with_pcen'


@keras.saving.register_keras_serializable(package=PKG)
class Gabor(keras.layers.Layer):
    def __init__(self, filters=6, size=15, **kw):
        super().__init__(**kw)
        self.filters, self.size = filters, size

    def build(self, shape):
        self.center = self.add_weight(shape=(self.filters,), initializer=lambda s, dtype=None: tf.cast(tf.linspace(0.2, 2.4, s[0]), dtype or 'float32'), name='center')
        self.width = self.add_weight(shape=(self.filters,), initializer=keras.initializers.Constant(3.0), constraint='non_neg', name='width')

    def call(self, wave):
        t = tf.range(self.size, dtype=tf.float32)[:, None] - (self.size - 1) / 2
        envelope = tf.exp(-0.5 * tf.square(t / tf.clip_by_value(self.width, 1.0, 6.0)))
        real = tf.nn.conv1d(wave, (envelope * tf.cos(self.center * t))[:, None], 2, 'SAME')
        imaginary = tf.nn.conv1d(wave, (envelope * tf.sin(self.center * t))[:, None], 2, 'SAME')
        return tf.square(real) + tf.square(imaginary)

    def compute_output_shape(self, shape):
        return (shape[0], -(-shape[1] // 2), self.filters)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters, 'size': self.size}


@keras.saving.register_keras_serializable(package=PKG)
class PCEN(keras.layers.Layer):
    def build(self, shape):
        c = keras.initializers.Constant
        self.alpha = self.add_weight(shape=(shape[-1],), initializer=c(0.9), name='alpha')
        self.delta = self.add_weight(shape=(shape[-1],), initializer=c(2.0), name='delta')
        self.root = self.add_weight(shape=(shape[-1],), initializer=c(2.0), name='root')
        self.smooth = self.add_weight(shape=(shape[-1],), initializer=c(0.1), name='smooth')

    def call(self, energy):
        s = tf.clip_by_value(self.smooth, 0.0, 1.0)
        mean, means = energy[:, 0], []
        for t in range(energy.shape[1]):
            mean = (1 - s) * mean + s * energy[:, t]
            means.append(mean)
        gain = tf.pow(1e-6 + tf.stack(means, axis=1), -tf.minimum(self.alpha, 1.0))
        power = 1.0 / tf.maximum(self.root, 1.0)
        return tf.pow(energy * gain + self.delta, power) - tf.pow(self.delta, power)


def build():
    keras.utils.set_random_seed(2)
    wave = keras.Input((64, 1), name='waveform')
    x = PCEN(name='pcen')(Gabor(name='gabor')(wave))
    x = keras.layers.SeparableConv1D(8, 3, activation='swish', name='pattern')(x)
    x = keras.layers.GlobalMaxPooling1D(name='peak')(x)
    m = keras.Model({'waveform': wave}, keras.layers.Dense(4, activation='sigmoid', name='species')(x))
    m.compile('adam', keras.losses.BinaryFocalCrossentropy())
    return m


def sample():
    r = np.random.default_rng(2)
    wave = np.sin(np.arange(64)[None, :, None] * r.uniform(0.2, 2, (6, 1, 1))) + 0.1 * r.normal(size=(6, 64, 1))
    wave *= np.arange(64)[None, :, None] < r.integers(40, 65, (6, 1, 1))
    return {'waveform': wave.astype('float32'), 'y': r.integers(0, 2, (6, 4)).astype('float32')}


NOTES = dict(family='audio', why_hard='clips of parameters inside of their bounds, powers with learned exponents, silence at the end of a clip', legit_nongradient=[])
