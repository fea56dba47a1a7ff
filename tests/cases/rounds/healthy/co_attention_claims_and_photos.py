"""Insurance model with an optional photo: a learned default stands in and the gate starts at zero."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_co_attention')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class OptionalPhoto(L.Layer):
    def build(self, text_shape, photo_shape, has_shape):
        self.default = self.add_weight(name='default', shape=(photo_shape[-1],), initializer='uniform')
        self.gate = self.add_weight(name='gate', shape=(photo_shape[-1],), initializer='zeros')

    def call(self, text, photo, has):
        seen = ops.where(has > 0.5, photo, self.default)
        return text + (1.0 + ops.tanh(self.gate)) * seen

    def compute_output_shape(self, text_shape, photo_shape, has_shape):
        return text_shape


def build():
    keras.utils.set_random_seed(20)
    note, photo, has = keras.Input((6,), dtype='int32', name='note'), keras.Input((12, 12, 3), name='photo'), keras.Input((1,), name='has_photo')
    t = L.Attention(use_scale=True, name='self_attention')([e := L.Embedding(30, 8, mask_zero=True, name='words')(note), e])
    t = L.GlobalAveragePooling1D(name='mean')(t)
    p = L.GlobalMaxPooling2D()(L.Conv2D(8, 3, strides=2, activation='elu', name='conv')(photo))
    h = OptionalPhoto(name='fuse')(t, p, has)
    h = L.UnitNormalization(name='unit')(h)
    m = keras.Model({'note': note, 'photo': photo, 'has_photo': has}, {'fraud': L.Dense(1, activation='sigmoid', name='fraud')(h), 'part': L.Dense(4, activation='softmax', name='part')(h)})
    m.compile('adam', {'fraud': 'binary_crossentropy', 'part': 'sparse_categorical_crossentropy'}, loss_weights={'fraud': 1.0, 'part': 0.5})
    return m


def sample():
    r = np.random.default_rng(20)
    has = (np.arange(8) % 3 > 0).astype('float32')[:, None]
    note = I(r, 30, 8, 6, low=1)
    note[::2, 4:] = 0
    photo = r.random((8, 12, 12, 3)).astype('float32') * has[:, :, None, None]
    return {'note': note, 'photo': photo, 'has_photo': has, 'y:fraud': B(r, 8, 1), 'y:part': I(r, 4, 8)}


NOTES = dict(family='multi-input', why_hard='the flag has no gradient (a comparison by design), photos of zeros, gate starts at zero', legit_nongradient=[dict(what='input:has_photo', kind='none', category='mask', reason='a flag that is only compared with 0.5')])
