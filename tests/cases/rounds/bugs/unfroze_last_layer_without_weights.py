"""Fine-tuning freezes every layer and then unfreezes layers[-1], which is a softmax."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='unfroze_last_layer_without_weights')


def backbone():
    x = keras.Input((12, 12, 3), name='pixels')
    h = L.Conv2D(6, 3, strides=2, activation='relu', name='b1')(x)
    h = L.BatchNormalization(name='bn')(h)
    h = L.Conv2D(8, 3, activation='relu', name='b2')(h)
    return keras.Model(x, L.GlobalAveragePooling2D()(h), name='backbone')


def net():
    keras.utils.set_random_seed(17)
    x, age = keras.Input((12, 12, 3), name='xray'), keras.Input((1,), name='age')
    z = L.Concatenate()([backbone()(x), L.Dense(2, name='age_fc')(age)])
    z = L.Dense(3, name='head')(L.Dropout(0.1)(z))
    return keras.Model({'xray': x, 'age': age}, L.Softmax(name='probs')(z))


def build():
    m = net()
    for layer in m.layers:
        layer.trainable = False
    m.layers[-1].trainable = True
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def fixed():
    m = net()
    m.get_layer('backbone').trainable = False
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(0)
    return {'xray': r.normal(size=(6, 12, 12, 3)).astype('float32'), 'age': r.normal(size=(6, 1)).astype('float32'),
            'y': r.integers(0, 3, (6,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/29531',
    'title': 'model.trainable=False and layer.trainable=False for each layer giving very different performance',
    'source_kind': 'variant',
    'category': 'frozen',
    'culprit': {'input': None, 'variable': 'head/kernel', 'layer': 'head', 'op': None, 'line': 'm.layers[-1].trainable = True'},
    'why': 'The last layer is a Softmax without weights; all weights, the new head included, are frozen.',
    'fix': 'Freeze the backbone only.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'layer.trainable = False'},
             {'input': None, 'variable': 'age_fc', 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': None}],
}
