"""Wide part on a hashed feature cross with a kernel of zeros, next to a deep part."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_wide_and_dee')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


def build():
    keras.utils.set_random_seed(3)
    job, town = (keras.Input((1,), dtype='int32', name=k) for k in ('job', 'town'))
    age = keras.Input((1,), name='age')
    cross = L.HashedCrossing(32, output_mode='one_hot', name='job_x_town')((job, town))
    bands = L.CategoryEncoding(6, output_mode='one_hot', name='bands')(L.Discretization([-1.0, -0.3, 0.3, 1.0, 2.0], name='age_band')(age))
    wide = L.Dense(1, use_bias=False, kernel_initializer='zeros', name='wide')(L.Concatenate()([cross, bands]))
    deep = L.Concatenate()([L.Flatten()(L.Embedding(8, 3, name='jobs')(job)), L.Flatten()(L.Embedding(10, 3, name='towns')(town)), age])
    deep = L.Dense(1, name='deep_out')(L.Dense(10, activation='relu', name='deep')(deep))
    m = keras.Model({'job': job, 'town': town, 'age': age}, L.Activation('sigmoid', name='income')(L.Add()([wide, deep])))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(3)
    return {'job': I(r, 8, 24, 1), 'town': I(r, 10, 24, 1), 'age': F(r, 24, 1), 'y': B(r, 24, 1)}


NOTES = dict(family='feature cross', why_hard='a kernel of zeros that is linear (and learns), bucketised age beside the raw age, hashing', legit_nongradient=[])
