"""Driving model whose auxiliary depth head was meant to be switched on later."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_depth_head_kept_at_loss_weight_zero')


def body(weights):
    cam = keras.Input((16, 16, 3), name='camera')
    speed = keras.Input((1,), name='speed')
    f = L.Conv2D(8, 3, strides=2, padding='same', activation='relu', name='conv1')(cam)
    f = L.Conv2D(12, 3, padding='same', activation='relu', name='conv2')(f)
    depth = L.Conv2D(8, 3, padding='same', activation='relu', name='depth_conv')(f)
    depth = L.Conv2D(1, 1, name='depth')(depth)
    h = L.Concatenate()([L.GlobalAveragePooling2D()(f), speed])
    steer = L.Dense(1, name='steer')(L.Dense(12, activation='relu', name='steer_fc')(h))
    m = keras.Model({'camera': cam, 'speed': speed}, {'steer': steer, 'depth': depth})
    m.compile('adam', loss={'steer': 'mse', 'depth': 'mae'}, loss_weights=weights)
    return m


def build():
    keras.utils.set_random_seed(7)
    return body({'steer': 1.0, 'depth': 0.0})


def fixed():
    keras.utils.set_random_seed(7)
    return body({'steer': 1.0, 'depth': 0.3})


def sample():
    r = np.random.default_rng(0)
    return {'camera': r.normal(size=(6, 16, 16, 3)).astype('float32'), 'speed': r.normal(size=(6, 1)).astype('float32'),
            'y:steer': r.normal(size=(6, 1)).astype('float32'), 'y:depth': r.random((6, 8, 8, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/20294', 'source_kind': 'variant',
    'title': 'loss_weights depending on epoch number (no longer possible: floats only)',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'depth', 'layer': 'depth', 'op': None, 'line': "return body({'steer': 1.0, 'depth': 0.0})"},
    'why': 'The weight of the depth loss is the constant 0: the depth head never learns.',
    'fix': 'Compile with a positive weight.',
    'also': [{'line': "m.compile('adam', loss={'steer': 'mse', 'depth': 'mae'}, loss_weights=weights)"}, {'layer': 'depth_conv'}, {'variable': 'depth_conv/kernel'},
             {'line': "depth = L.Conv2D(1, 1, name='depth')(depth)"}],
}
