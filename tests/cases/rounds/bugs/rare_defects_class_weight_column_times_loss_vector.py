"""Class weights gathered as a column are multiplied with a vector of losses: a batch by batch matrix."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(12)
reg = keras.saving.register_keras_serializable(package='m5_cw')
CLASS_WEIGHT = [0.3, 1.0, 8.0]


@reg
def weighted_ce(y_true, y_pred):
    labels = tf.cast(y_true, tf.int32)
    ce = keras.losses.sparse_categorical_crossentropy(labels, y_pred)
    weight = tf.gather(tf.constant(CLASS_WEIGHT), labels)
    return weight * ce


@reg
def weighted_ce_flat(y_true, y_pred):
    labels = tf.reshape(tf.cast(y_true, tf.int32), (-1,))
    ce = keras.losses.sparse_categorical_crossentropy(labels, y_pred)
    return tf.gather(tf.constant(CLASS_WEIGHT), labels) * ce


def net(loss):
    scan, line = keras.Input((14, 14, 1), name='scan'), keras.Input((), dtype='int32', name='line_id')
    h = L.Conv2D(5, 3, activation='relu', name='conv')(scan)
    h = L.Flatten()(L.MaxPooling2D(3)(h))
    h = L.Concatenate()([h, L.Embedding(4, 3, name='line_emb')(line)])
    m = keras.Model({'scan': scan, 'line_id': line}, L.Dense(3, activation='softmax', name='defect')(h))
    m.compile('adam', loss=loss)
    return m


def build():
    return net(weighted_ce)


def fixed():
    return net(weighted_ce_flat)


def sample():
    r = np.random.default_rng(0)
    return {'scan': r.random((8, 14, 14, 1), 'float32'), 'line_id': r.integers(0, 4, 8).astype('int32'),
            'y': np.array([0, 0, 1, 0, 2, 0, 1, 0], 'int32')[:, None]}


EXPECT = {
    'source': 'https://github.com/mahmoodlab/PathomicFusion/pull/9',
    'title': 'Fixed bug in CoxLoss (a 1d tensor times the 2d censor broadcasts to a matrix)',
    'source_kind': 'variant', 'category': 'label_shape_broadcast',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'Mul', 'line': 'return weight * ce'},
    'why': 'weight is (batch, 1) and ce is (batch,): their product is (batch, batch), so after the mean every example has the same weight.',
    'fix': 'Flatten the labels before the gather.',
    'also': [{'op': None, 'layer': None, 'line': 'weight = tf.gather(tf.constant(CLASS_WEIGHT), labels)'}, {'op': None, 'layer': None, 'line': 'def weighted_ce('},
             {'op': None, 'layer': 'defect', 'line': None}, {'op': None, 'layer': None, 'line': 'net(weighted_ce)'}, {'input': 'y', 'op': None, 'layer': None, 'line': None}],
}
