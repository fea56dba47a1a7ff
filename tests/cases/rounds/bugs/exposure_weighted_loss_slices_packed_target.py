"""Target and weight are packed in y and sliced to (batch,), against predictions of (batch, 1)."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='dwell')
def exposure_weighted_mse(y_true, y_pred):
    dwell, exposure = y_true[:, 0], y_true[:, 1]
    return exposure * ops.square(dwell - y_pred)


@keras.saving.register_keras_serializable(package='dwell')
def exposure_weighted_mse_columns(y_true, y_pred):
    dwell, exposure = y_true[:, 0:1], y_true[:, 1:2]
    return exposure * ops.square(dwell - y_pred)


def make(loss):
    keras.utils.set_random_seed(11)
    user = keras.Input((), dtype='int32', name='user')
    item = keras.Input((), dtype='int32', name='item')
    context = keras.Input((3,), name='context')
    u = layers.Embedding(20, 8, name='user_table')(user)
    i = layers.Embedding(30, 8, name='item_table')(item)
    x = layers.Concatenate()([u, i, layers.Multiply()([u, i]), context])
    x = layers.Dense(16, activation='elu', name='mix')(x)
    dwell = layers.Dense(1, name='dwell')(x)
    model = keras.Model([user, item, context], dwell)
    model.compile(keras.optimizers.Adagrad(0.05), loss=loss)
    return model


def build():
    return make(exposure_weighted_mse)


def fixed():
    return make(exposure_weighted_mse_columns)


def sample():
    r = np.random.default_rng(3)
    n = 10
    return {'user': r.integers(0, 20, n).astype('int32'), 'item': r.integers(0, 30, n).astype('int32'),
            'context': r.normal(size=(n, 3)).astype('float32'),
            'y': np.stack([r.gamma(2.0, 1.0, n), r.uniform(0.5, 2.0, n)], 1).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/16836',
    'title': 'Loss is significantly worse when calculated manually in train_step compared to passed into model.compile',
    'source_kind': 'variant',
    'category': 'label_shape_broadcast',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return exposure * ops.square(dwell - y_pred)'},
    'why': '(batch,) - (batch, 1) is (batch, batch): every prediction is pulled to the dwell times of all rows.',
    'fix': 'Slice with 0:1 and 1:2, or squeeze the predictions.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'dwell, exposure = y_true[:, 0], y_true[:, 1]'},
             {'input': 'y', 'variable': None, 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'dwell', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return make(exposure_weighted_mse)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'model.compile(keras.optimizers.Adagrad(0.05), loss=loss)'}],
}
