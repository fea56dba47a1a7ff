"""A hard colour histogram is taken of the learned tone mapping, so the tone network has no gradient."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers


@keras.saving.register_keras_serializable(package='retouch')
class ColourHistogram(layers.Layer):
    def __init__(self, nbins=8, **kw):
        super().__init__(**kw)
        self.nbins = nbins

    def call(self, image):
        bins = tf.histogram_fixed_width_bins(image, [0.0, 1.0], nbins=self.nbins)
        return tf.reduce_mean(tf.one_hot(bins, self.nbins), axis=[1, 2])

    def compute_output_shape(self, s):
        return (s[0], s[3], self.nbins)

    def get_config(self):
        return {**super().get_config(), 'nbins': self.nbins}


@keras.saving.register_keras_serializable(package='retouch')
class SoftColourHistogram(ColourHistogram):
    def call(self, image):
        centres = (tf.range(self.nbins, dtype=image.dtype) + 0.5) / self.nbins
        d = (image[..., None] - centres) * self.nbins
        return tf.reduce_mean(tf.nn.softmax(-d * d, axis=-1), axis=[1, 2])


def make(hist):
    keras.utils.set_random_seed(5)
    image = keras.Input((10, 10, 3), name='image')
    x = layers.Conv2D(6, 3, padding='same', activation='swish', name='tone_conv')(image)
    x = layers.Conv2D(3, 1, activation='sigmoid', name='tone_map')(x)
    h = layers.Flatten()(hist(x))
    mood = layers.Dense(5, activation='softmax', name='mood')(layers.Dense(12, activation='tanh', name='mood_fc')(h))
    model = keras.Model(image, mood)
    model.compile(keras.optimizers.Adam(1e-3), 'sparse_categorical_crossentropy', metrics=['accuracy'])
    return model


def build():
    return make(ColourHistogram(8, name='histogram'))


def fixed():
    return make(SoftColourHistogram(8, name='histogram'))


def sample():
    r = np.random.default_rng(1)
    return {'image': r.uniform(size=(6, 10, 10, 3)).astype('float32'), 'y': r.integers(0, 5, 6)}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/14894',
    'title': 'No gradients provided for any variable (histogram_fixed_width)',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': 'image', 'variable': 'tone_', 'layer': 'histogram', 'op': None,
                'line': 'bins = tf.histogram_fixed_width_bins(image, [0.0, 1.0], nbins=self.nbins)'},
    'why': 'Bin numbers are integers (floor and cast), counting them has no gradient: tone_conv and tone_map get None.',
    'fix': 'Use a soft histogram (kernel weights to the bin centres).',
    'also': [{'input': None, 'variable': None, 'layer': 'histogram', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return tf.reduce_mean(tf.one_hot(bins, self.nbins), axis=[1, 2])'}],
}
