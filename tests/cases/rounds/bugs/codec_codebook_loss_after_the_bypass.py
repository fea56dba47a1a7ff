"""Neural audio codec: the codebook loss is computed from the straight-through value, in which the code is behind a stop_gradient."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'codec_codebook_loss_after_the_bypass'


@keras.saving.register_keras_serializable(package=PKG)
class Quantizer(keras.layers.Layer):
    def __init__(self, codes=16, **kw):
        super().__init__(**kw)
        self.codes = codes

    def build(self, shape):
        self.codebook = self.add_weight(shape=(self.codes, shape[-1]), initializer=keras.initializers.RandomNormal(stddev=0.5, seed=8), name='codebook')

    def nearest(self, z):
        distance = tf.reduce_sum(tf.square(z[:, :, None] - self.codebook), axis=-1)
        return tf.gather(self.codebook, tf.argmin(distance, axis=-1))

    def call(self, z):
        q = self.nearest(z)
        q = z + tf.stop_gradient(q - z)
        codebook_loss = tf.reduce_mean(tf.square(q - tf.stop_gradient(z)))
        commitment = tf.reduce_mean(tf.square(tf.stop_gradient(q) - z))
        self.add_loss(codebook_loss + 0.25 * commitment)
        return q

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes}


@keras.saving.register_keras_serializable(package=PKG)
class RepairedQuantizer(Quantizer):
    def call(self, z):
        q = self.nearest(z)
        codebook_loss = tf.reduce_mean(tf.square(q - tf.stop_gradient(z)))
        commitment = tf.reduce_mean(tf.square(tf.stop_gradient(q) - z))
        self.add_loss(codebook_loss + 0.25 * commitment)
        return z + tf.stop_gradient(q - z)


def codec(quantizer):
    keras.utils.set_random_seed(19)
    wave = keras.Input((64, 1), name='waveform')
    x = keras.layers.Conv1D(8, 8, strides=4, padding='same', activation='elu', name='encode_a')(wave)
    x = keras.layers.Conv1D(6, 4, strides=2, padding='same', name='encode_b')(x)
    x = quantizer(x)
    x = keras.layers.Conv1DTranspose(8, 4, strides=2, padding='same', activation='elu', name='decode_a')(x)
    m = keras.Model({'waveform': wave}, keras.layers.Conv1DTranspose(1, 8, strides=4, padding='same', name='decode_b')(x))
    m.compile('adam', 'mae')
    return m


def build():
    return codec(Quantizer(name='quantizer'))


def fixed():
    return codec(RepairedQuantizer(name='quantizer'))


def sample():
    r = np.random.default_rng(21)
    t = np.arange(64)[None, :, None]
    wave = np.sin(t * r.uniform(0.1, 0.8, (6, 1, 1))) + 0.05 * r.normal(size=(6, 64, 1))
    return {'waveform': wave.astype('float32'), 'y': wave.astype('float32')}


EXPECT = {
    'source': 'https://github.com/showlab/Olaf-World/issues/8',
    'title': 'Codebook never receives gradients (codebook loss uses the straight-through output)',
    'source_kind': 'report',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'quantizer/codebook', 'layer': 'quantizer', 'op': 'StopGradient', 'line': 'q = z + tf.stop_gradient(q - z)'},
    'why': 'After the bypass q depends on the codebook only behind the stop_gradient: the codebook keeps its initial values.',
    'fix': 'Compute the losses before the straight-through line.',
}
EXPECT['also'] = [
    {'line': 'codebook_loss = tf.reduce_mean(tf.square(q - tf.stop_gradient(z)))'}, {'op': None}, {'op': 'PreventGradient'},
    {'line': 'codebook_loss = tf.reduce_mean(tf.square(q - tf.stop_gradient(z)))', 'op': None},
    {'line': 'q = self.nearest(z)', 'op': None}, {'line': 'x = quantizer(x)', 'op': None},
]
