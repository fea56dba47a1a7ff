"""A streaming keras AUC metric is updated inside the loss and its result is returned as the loss."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(20)
reg = keras.saving.register_keras_serializable(package='m5_auc')
METER = keras.metrics.AUC(num_thresholds=25, name='auc_meter')


@reg
def auc_loss(y_true, y_pred):
    METER.update_state(y_true, y_pred)
    return 1.0 - METER.result()


@reg
def pairwise_loss(y_true, y_pred):
    gap = y_pred - tf.transpose(y_pred)
    pair = y_true * (1.0 - tf.transpose(y_true))
    return tf.reduce_sum(pair * tf.nn.softplus(-5.0 * gap)) / (tf.reduce_sum(pair) + 1e-6)


def net(loss):
    tx, merchant, hist = keras.Input((6,), name='transaction'), keras.Input((), dtype='int32', name='merchant'), keras.Input((5, 3), name='history')
    h = L.Concatenate()([L.Dense(8, activation='relu', name='tx_fc')(tx), L.Embedding(9, 3, name='merchant_emb')(merchant), L.GRU(5, name='hist_gru')(hist)])
    h = L.BatchNormalization(name='bn')(h)
    m = keras.Model({'transaction': tx, 'merchant': merchant, 'history': hist}, L.Dense(1, activation='sigmoid', name='fraud')(h))
    m.compile('adam', loss=loss)
    return m


def build():
    return net(auc_loss)


def fixed():
    return net(pairwise_loss)


def sample():
    r = np.random.default_rng(0)
    return {'transaction': r.normal(size=(10, 6)).astype('float32'), 'merchant': r.integers(0, 9, 10).astype('int32'),
            'history': r.normal(size=(10, 5, 3)).astype('float32'), 'y': (np.arange(10) % 3 == 0).astype('float32')[:, None]}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/1732', 'title': 'How to optimize AUC directly?', 'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': 'transaction', 'variable': 'fraud/kernel', 'layer': 'fraud', 'op': None, 'line': 'METER.update_state(y_true, y_pred)'},
    'why': 'The metric compares with thresholds and adds counts to its variables; the result is read from these variables, so nothing leads back to the model.',
    'fix': 'A pairwise ranking surrogate, or cross-entropy with AUC as a metric.',
    'also': [{'op': None, 'layer': None, 'line': 'return 1.0 - METER.result()'}, {'op': None, 'layer': None, 'line': 'def auc_loss'}, {'op': None, 'layer': None, 'line': 'net(auc_loss)'},
             {'op': 'Greater', 'layer': None, 'line': None}, {'op': 'Cast', 'layer': None, 'line': None}, {'op': 'AssignAddVariableOp', 'layer': None, 'line': None}, {'op': 'ReadVariableOp', 'layer': None, 'line': None}, {'op': 'Floor', 'layer': None, 'line': None}, {'op': 'Ceil', 'layer': None, 'line': None}],
}
