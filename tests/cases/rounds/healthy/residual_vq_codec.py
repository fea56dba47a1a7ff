"""Audio codec: two stages of residual vector quantization with straight-through gradients and commitment losses."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'residual_vq_codec'


@keras.saving.register_keras_serializable(package=PKG)
class ResidualVQ(keras.layers.Layer):
    def __init__(self, codes=8, stages=2, **kw):
        super().__init__(**kw)
        self.codes, self.stages = codes, stages

    def build(self, shape):
        self.books = [self.add_weight(shape=(self.codes, shape[-1]), initializer=keras.initializers.RandomNormal(stddev=0.4 / (i + 1), seed=i), name=f'book{i}') for i in range(self.stages)]

    def call(self, z):
        rest, total = z, tf.zeros_like(z)
        for book in self.books:
            near = tf.argmin(tf.reduce_sum(tf.square(rest[:, :, None] - book), axis=-1), axis=-1)
            q = tf.gather(book, near)
            self.add_loss(tf.reduce_mean(tf.square(q - tf.stop_gradient(rest))) + 0.25 * tf.reduce_mean(tf.square(rest - tf.stop_gradient(q))))
            total += q
            rest = rest - tf.stop_gradient(q)
        return z + tf.stop_gradient(total - z)

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes, 'stages': self.stages}


def build():
    keras.utils.set_random_seed(15)
    wave = keras.Input((48, 1), name='waveform')
    x = keras.layers.Conv1D(8, 6, strides=3, padding='same', activation='elu', name='encode_a')(wave)
    x = ResidualVQ(name='quantizer')(keras.layers.Conv1D(5, 4, strides=2, padding='same', name='encode_b')(x))
    x = keras.layers.Conv1DTranspose(8, 4, strides=2, padding='same', activation='elu', name='decode_a')(x)
    m = keras.Model({'waveform': wave}, keras.layers.Conv1DTranspose(1, 6, strides=3, padding='same', activation='tanh', name='decode_b')(x))
    m.compile('adam', 'mae')
    return m


def sample():
    r = np.random.default_rng(15)
    w = (0.8 * np.sin(np.arange(48)[None, :, None] * r.uniform(0.1, 1, (6, 1, 1)))).astype('float32')
    return {'waveform': w, 'y': w}


NOTES = dict(family='audio codec', why_hard='argmin, gather and four stop_gradients, all of them right; the codebooks learn from add_loss alone', legit_nongradient=[])
