"""Learnable audio front end: centre frequencies and widths are tf.Variables appended to a list, which Keras 3 does not train."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'gabor_filters_in_a_plain_list'


def bank(t, centers, widths):
    waves = [tf.exp(-0.5 * tf.square(t / w)) * tf.cos(c * t) for c, w in zip(centers, widths)]
    return tf.stack(waves, axis=-1)[:, None, :]


@keras.saving.register_keras_serializable(package=PKG)
class GaborBank(keras.layers.Layer):
    def __init__(self, filters=5, size=17, **kw):
        super().__init__(**kw)
        self.filters, self.size = filters, size
        self.centers, self.widths = [], []
        for i in range(filters):
            self.centers.append(tf.Variable(0.3 + 0.4 * i, dtype=tf.float32, name=f'center_{i}'))
            self.widths.append(tf.Variable(3.0, dtype=tf.float32, name=f'width_{i}'))

    def call(self, wave):
        t = tf.range(self.size, dtype=tf.float32) - (self.size - 1) / 2
        return tf.square(tf.nn.conv1d(wave, bank(t, self.centers, self.widths), stride=2, padding='SAME'))

    def compute_output_shape(self, shape):
        return (shape[0], -(-shape[1] // 2), self.filters)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters, 'size': self.size}


@keras.saving.register_keras_serializable(package=PKG)
class TrainedGaborBank(GaborBank):
    def __init__(self, filters=5, size=17, **kw):
        keras.layers.Layer.__init__(self, **kw)
        self.filters, self.size = filters, size
        self.centers = [self.add_weight(shape=(), initializer=keras.initializers.Constant(0.3 + 0.4 * i), name=f'center_{i}') for i in range(filters)]
        self.widths = [self.add_weight(shape=(), initializer=keras.initializers.Constant(3.0), name=f'width_{i}') for i in range(filters)]


def net(front):
    keras.utils.set_random_seed(20)
    wave = keras.Input((80, 1), name='waveform')
    x = front(wave)
    x = keras.layers.LayerNormalization(name='norm')(x)
    x = keras.layers.GRU(10, name='context')(x)
    m = keras.Model({'waveform': wave}, keras.layers.Dense(2, activation='softmax', name='bird')(x))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    return net(GaborBank(name='gabor'))


def fixed():
    return net(TrainedGaborBank(name='gabor'))


def sample():
    r = np.random.default_rng(22)
    t = np.arange(80)[None, :, None]
    wave = np.sin(t * r.uniform(0.2, 1.6, (8, 1, 1))) + 0.1 * r.normal(size=(8, 80, 1))
    return {'waveform': wave.astype('float32'), 'y': r.integers(0, 2, 8).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/16797',
    'title': 'Variables appended to a list of a layer are not tracked and not trained; add_weight works',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'center_', 'layer': 'gabor', 'op': None, 'line': 'self.centers.append(tf.Variable('},
    'why': 'Keras 3 collects its own variables only: the ten parameters of the filters are in no list of trainable variables (and are not saved).',
    'fix': 'Create them with add_weight.',
}
EXPECT['also'] = [
    {'variable': 'width_', 'line': 'self.widths.append(tf.Variable('}, {'variable': 'width_'}, {'variable': 'gabor'}, {'variable': None},
    {'variable': None, 'line': 'self.widths.append(tf.Variable('}, {'line': 'self.centers, self.widths = [], []'},
    {'line': 'return tf.square(tf.nn.conv1d(wave, bank(t, self.centers, self.widths)'}, {'line': 'x = front(wave)'},
]
