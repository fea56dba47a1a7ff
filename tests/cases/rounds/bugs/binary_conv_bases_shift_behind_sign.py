"""Binary-base convolution: filters and learned shifts are behind tf.sign, whose gradient is zero."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='binary_conv_bases_shift_behind_sign')


@reg
class BinaryBaseConv(L.Layer):
    def __init__(self, filters, bases=3, **kw):
        super().__init__(**kw)
        self.filters, self.bases = filters, bases

    def build(self, shape):
        self.kernel = self.add_weight(name='kernel', shape=(3, 3, shape[-1], self.filters), initializer='glorot_uniform')
        self.shift = self.add_weight(name='shift', shape=(self.bases,), initializer=keras.initializers.Constant(np.linspace(-1, 1, self.bases)))
        self.alpha = self.add_weight(name='alpha', shape=(self.bases,), initializer=keras.initializers.Constant(.1))

    def binarize(self, w):
        return tf.sign(w)

    def call(self, x):
        mean, var = tf.nn.moments(tf.reshape(self.kernel, (-1,)), axes=[0])
        spread = self.shift * tf.sqrt(var)
        tiled = (self.kernel - mean)[None] + spread[:, None, None, None, None]
        w = tf.reduce_sum(self.alpha[:, None, None, None, None] * self.binarize(tiled), axis=0)
        return tf.nn.conv2d(x, w, strides=1, padding='SAME')

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters, 'bases': self.bases}


@reg
class PassThroughBinaryConv(BinaryBaseConv):
    def binarize(self, w):
        c = tf.clip_by_value(w, -1.0, 1.0)
        return c + tf.stop_gradient(tf.sign(w) - c)


def net(layer):
    keras.utils.set_random_seed(22)
    x, p = keras.Input((14, 14, 1), name='digit'), keras.Input((2,), name='pen')
    h = L.Activation('relu')(L.BatchNormalization(name='bn1')(layer(6, name='abc1')(x)))
    h = L.MaxPooling2D()(h)
    h = L.Activation('relu')(L.BatchNormalization(name='bn2')(layer(8, name='abc2')(h)))
    h = L.Concatenate()([L.GlobalAveragePooling2D()(h), p])
    m = keras.Model({'digit': x, 'pen': p}, L.Dense(10, name='logits')(h))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return net(BinaryBaseConv)


def fixed():
    return net(PassThroughBinaryConv)


def sample():
    r = np.random.default_rng(11)
    return {'digit': r.random((8, 14, 14, 1)).astype('float32'), 'pen': r.random((8, 2)).astype('float32'), 'y': r.integers(0, 10, (8,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/layog/Accurate-Binary-Convolution-Network/issues/6', 'title': 'No weight update due to sign function', 'source_kind': 'report', 'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'kernel', 'layer': 'abc1', 'op': 'Sign', 'line': 'return tf.sign(w)'},
    'why': 'Sign is flat: filters and shifts keep their initial values, only the scales learn.', 'fix': 'Straight-through estimator.',
    'also': [{'variable': 'shift', 'op': None}, {'layer': 'abc2'}, {'layer': None, 'op': None, 'line': 'w = tf.reduce_sum(self.alpha'}, {'layer': None, 'op': 'Sign', 'line': None}],
}
