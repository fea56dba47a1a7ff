"""Segmentation model that freezes its pretrained layers by a part of their names."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_freeze_by_name_catches_the_new_head')


def network():
    x = inp = keras.Input((16, 16, 3), name='scan')
    for i, f in enumerate((8, 12)):
        x = L.Conv2D(f, 3, strides=2, padding='same', use_bias=False, name=f'enc_conv{i}')(x)
        x = L.ReLU()(L.BatchNormalization(name=f'enc_bn{i}')(x))
    x = L.Conv2DTranspose(8, 4, strides=2, padding='same', activation='relu', name='head_deconv0')(x)
    x = L.Conv2DTranspose(8, 4, strides=2, padding='same', activation='relu', name='head_deconv1')(x)
    return keras.Model(inp, L.Conv2D(3, 1, activation='softmax', name='head_conv_out')(x))


def build():
    keras.utils.set_random_seed(20)
    m = network()
    for layer in m.layers:
        if 'conv' in layer.name:
            layer.trainable = False
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def fixed():
    keras.utils.set_random_seed(20)
    m = network()
    for layer in m.layers:
        if layer.name.startswith('enc_'):
            layer.trainable = False
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(0)
    return {'scan': r.normal(size=(4, 16, 16, 3)).astype('float32'), 'y': r.integers(0, 3, (4, 16, 16)).astype('int32')}


EXPECT = {
    'source': 'own', 'source_kind': 'own', 'title': "'conv' is also a part of the names of the new head",
    'category': 'frozen',
    'culprit': {'input': None, 'variable': 'head_', 'layer': 'head_conv_out', 'op': None, 'line': "if 'conv' in layer.name:"},
    'why': 'The randomly initialised head is frozen with the encoder; only the batch normalisations of the encoder are trained.',
    'fix': "layer.name.startswith('enc_').",
    'also': [{'line': 'layer.trainable = False'}, {'layer': 'head_deconv0'}, {'layer': 'head_deconv1'}, {'line': "L.Conv2D(3, 1, activation='softmax', name='head_conv_out')"},
             {'line': 'for layer in m.layers:'}, {'line': "name='head_deconv"}],
}
