"""Query-conditioned segmentation ends in a softmax over its only channel."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='logo_mask_softmax_one_channel')


@reg
def dice_loss(y_true, y_pred):
    hit = tf.reduce_sum(y_true * y_pred, (1, 2, 3))
    return 1.0 - (2.0 * hit + 1.0) / (tf.reduce_sum(y_true + y_pred, (1, 2, 3)) + 1.0)


def net(activation):
    keras.utils.set_random_seed(11)
    scene, query = keras.Input((16, 16, 3), name='scene'), keras.Input((8, 8, 3), name='query')
    q = L.Conv2D(6, 3, activation='relu', name='query_conv')(query)
    q = L.Reshape((1, 1, 6))(L.GlobalAveragePooling2D()(q))
    d1 = L.Conv2D(6, 3, padding='same', activation='relu', name='down1')(scene)
    d2 = L.Conv2D(6, 3, strides=2, padding='same', activation='relu', name='down2')(d1)
    z = L.Multiply()([d2, q])
    u = L.Conv2DTranspose(6, 3, strides=2, padding='same', activation='relu', name='up1')(z)
    out = L.Conv2D(1, 1, activation=activation, name='logo')(L.Concatenate()([u, d1]))
    m = keras.Model({'scene': scene, 'query': query}, out)
    m.compile(optimizer='adam', loss=dice_loss)
    return m


def build():
    return net('softmax')


def fixed():
    return net('sigmoid')


def sample():
    r = np.random.default_rng(0)
    x = r.uniform(size=(5, 16, 16, 3)).astype('float32')
    return {'scene': x, 'query': r.uniform(size=(5, 8, 8, 3)).astype('float32'), 'y': (x[..., :1] > 0.7).astype('float32')}


EXPECT = {
    'source': 'https://github.com/AyanKumarBhunia/Deep-One-Shot-Logo-Retrieval/issues/7',
    'title': 'Why softmax for binary cross entropy loss',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': 'scene', 'variable': 'logo/kernel', 'layer': 'logo', 'op': 'Softmax', 'line': "return net('softmax')"},
    'why': 'The softmax of one channel is 1 whatever the logit, so all gradients are zero.',
    'fix': 'Use a sigmoid.',
    'also': [{'input': 'query', 'variable': None, 'layer': 'logo', 'op': 'Softmax', 'line': "out = L.Conv2D(1, 1, activation=activation, name='logo')"},
             {'input': None, 'variable': None, 'layer': 'logo', 'op': None, 'line': None}],
}
