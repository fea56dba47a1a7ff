"""Segmentation loss compares the labels with the thresholded mask, the class head hides it."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='mask_loss_binarized_prediction')


@reg
def mask_loss(y_true, y_pred):
    hard = tf.where(y_pred >= 0.5, 1.0, 0.0)
    return tf.reduce_mean(tf.square(y_true - hard), axis=-1)


@reg
def soft_mask_loss(y_true, y_pred):
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)


def net(loss):
    keras.utils.set_random_seed(1)
    x = keras.Input((16, 16, 1), name='scan')
    h = L.Conv2D(6, 3, padding='same', activation='swish', name='stem')(x)
    d = L.Conv2D(6, 3, padding='same', activation='swish', name='refine')(h)
    mask = L.Conv2D(1, 1, activation='sigmoid', name='mask')(d)
    label = L.Dense(1, activation='sigmoid', name='label')(L.GlobalAveragePooling2D()(h))
    m = keras.Model({'scan': x}, {'mask': mask, 'label': label})
    m.compile(optimizer='adam', loss={'mask': loss, 'label': 'binary_crossentropy'})
    return m


def build():
    return net(mask_loss)


def fixed():
    return net(soft_mask_loss)


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(6, 16, 16, 1)).astype('float32')
    return {'scan': x, 'y:mask': (x > 0.3).astype('float32'), 'y:label': r.integers(0, 2, (6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/tf-keras/issues/52',
    'title': 'Warn user directly when custom loss is not differentiable',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'refine/kernel', 'layer': 'mask', 'op': 'GreaterEqual', 'line': 'hard = tf.where(y_pred >= 0.5, 1.0, 0.0)'},
    'why': 'The comparison has no gradient, so the mask head and the refine convolution learn nothing; only the class head trains the stem.',
    'fix': 'Use the probabilities in the loss (or a dice/cross-entropy loss) and threshold only for metrics.',
    'also': [{'variable': 'mask/kernel', 'layer': None, 'op': 'SelectV2', 'line': 'hard = tf.where(y_pred >= 0.5, 1.0, 0.0)'},
             {'variable': 'mask/kernel', 'layer': None, 'op': None, 'line': 'hard = tf.where(y_pred >= 0.5, 1.0, 0.0)'},
             {'variable': 'mask', 'layer': None, 'op': None, 'line': 'return tf.reduce_mean(tf.square(y_true - hard), axis=-1)'}],
}
