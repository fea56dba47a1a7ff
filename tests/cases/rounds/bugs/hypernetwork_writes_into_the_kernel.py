"""Hypernetwork: the generated filter is assigned to the weight of a convolution and read back from it."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'hypernetwork_writes_into_the_kernel'


@keras.saving.register_keras_serializable(package=PKG)
class HyperConv(keras.layers.Layer):
    def __init__(self, filters, **kw):
        super().__init__(**kw)
        self.filters = filters

    def build(self, shape):
        self.shape = (3, 3, shape[-1], self.filters)
        self.code = self.add_weight(shape=(1, 6), initializer=keras.initializers.RandomNormal(stddev=1.0, seed=7), name='layer_code')
        self.generator = keras.layers.Dense(int(np.prod(self.shape)), name='generator')
        self.generator.build((1, 6))
        self.kernel = self.add_weight(shape=self.shape, initializer='zeros', trainable=False, name='filter')

    def call(self, x):
        generated = tf.reshape(0.1 * self.generator(self.code), self.shape)
        self.kernel.assign(generated)
        return tf.nn.relu(tf.nn.conv2d(x, self.kernel, strides=1, padding='SAME'))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters}


@keras.saving.register_keras_serializable(package=PKG)
class HyperConvDirect(HyperConv):
    def call(self, x):
        generated = tf.reshape(0.1 * self.generator(self.code), self.shape)
        return tf.nn.relu(tf.nn.conv2d(x, generated, strides=1, padding='SAME'))


def net(layer):
    keras.utils.set_random_seed(18)
    image = keras.Input((14, 14, 1), name='glyph')
    x = keras.layers.Conv2D(6, 3, padding='same', activation='relu', name='stem')(image)
    x = layer(8, name='hyper_a')(x)
    x = keras.layers.GlobalAveragePooling2D(name='pool')(layer(8, name='hyper_b')(x))
    m = keras.Model({'glyph': image}, keras.layers.Dense(4, name='class')(x))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return net(HyperConv)


def fixed():
    return net(HyperConvDirect)


def sample():
    r = np.random.default_rng(20)
    return {'glyph': r.random((6, 14, 14, 1)).astype('float32'), 'y': r.integers(0, 4, 6).astype('int32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/29663',
    'title': 'Hypernetworks cannot be built on set_weights: the weights have to stay tensors for the gradient',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'generator/kernel', 'layer': 'hyper_a', 'op': 'AssignVariableOp', 'line': 'self.kernel.assign(generated)'},
    'why': 'Reading a variable does not lead back to what was assigned to it: the generators and the layer codes get no gradient.',
    'fix': 'Use the generated tensor itself in the convolution.',
}
EXPECT['also'] = [
    {'layer': 'hyper_b'}, {'op': None}, {'op': 'ReadVariableOp'}, {'variable': 'layer_code'}, {'variable': 'layer_code', 'layer': 'hyper_b'}, {'op': None, 'layer': 'hyper_b'},
    {'line': "return tf.nn.relu(tf.nn.conv2d(x, self.kernel, strides=1, padding='SAME'))", 'op': None},
    {'line': "return tf.nn.relu(tf.nn.conv2d(x, self.kernel, strides=1, padding='SAME'))", 'op': 'ReadVariableOp'},
    {'line': 'generated = tf.reshape(0.1 * self.generator(self.code), self.shape)', 'op': None},
]
