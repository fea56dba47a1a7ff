"""Vision model whose FiLM generator starts at zero (scale 1, shift 0)."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_film')


@reg
class FiLM(L.Layer):
    def build(self, shapes):
        c = shapes[0][-1]
        self.gen = L.Dense(2 * c, kernel_initializer='zeros', name='gen')
        self.gen.build(shapes[1])
        self.built = True

    def call(self, inputs):
        x, cond = inputs
        scale, shift = ops.split(self.gen(cond)[:, None, None, :], 2, axis=-1)
        return x * (1 + scale) + shift

    def compute_output_shape(self, shapes):
        return shapes[0]


def build():
    keras.utils.set_random_seed(1)
    image, weather = keras.Input((10, 10, 3), name='image'), keras.Input((4,), name='weather')
    x = L.Conv2D(8, 3, activation='gelu', name='stem')(image)
    x = L.Conv2D(8, 3, activation='gelu', name='mid')(FiLM(name='film_a')([x, weather]))
    x = FiLM(name='film_b')([x, weather])
    y = L.Dense(2, name='steer')(L.GlobalAveragePooling2D()(x))
    m = keras.Model([image, weather], y)
    m.compile('adam', 'mse')
    return m


def sample():
    r = np.random.default_rng(0)
    return {'image': r.uniform(size=(5, 10, 10, 3)).astype('float32'), 'weather': r.normal(size=(5, 4)).astype('float32'),
            'y': r.normal(size=(5, 2)).astype('float32')}


NOTES = dict(family='conditioned vision', why_hard='the generator kernels are zero at the start: the input weather has a zero gradient before the first update, the kernels have not',
             legit_nongradient=[dict(what='weather', kind='zero', category='zero_init', reason='zero-initialised FiLM generator; its kernel gets a gradient at once')])
