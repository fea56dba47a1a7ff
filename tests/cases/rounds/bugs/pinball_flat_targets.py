"""Own pinball Loss subtracts (batch, 1) predictions from (batch,) targets."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='pinball_flat_targets')


@reg
class Pinball(keras.losses.Loss):
    def __init__(self, q=0.8, name='pinball', **kw):
        super().__init__(name=name, **kw)
        self.q = q

    def get_config(self):
        return {**super().get_config(), 'q': self.q}

    def call(self, y_true, y_pred):
        err = y_true - y_pred
        return tf.reduce_mean(tf.maximum(self.q * err, (self.q - 1.0) * err), axis=-1)


@reg
class FlatPinball(Pinball):
    def call(self, y_true, y_pred):
        return super().call(tf.reshape(y_true, tf.shape(y_pred)), y_pred)


def net(loss):
    keras.utils.set_random_seed(9)
    hist, promo = keras.Input((12, 1), name='history'), keras.Input((3,), name='promo')
    z = L.Concatenate()([L.GRU(8, name='gru')(hist), L.Dense(4, activation='relu', name='promo_fc')(promo)])
    m = keras.Model({'history': hist, 'promo': promo}, L.Dense(1, name='demand')(z))
    m.compile(optimizer='adam', loss=loss)
    return m


def build():
    return net(Pinball())


def fixed():
    return net(FlatPinball())


def sample():
    r = np.random.default_rng(0)
    h = r.normal(size=(16, 12, 1)).astype('float32')
    return {'history': h, 'promo': r.normal(size=(16, 3)).astype('float32'), 'y': (2.0 * h[:, -1, 0] + r.normal(size=16)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/16836',
    'title': 'Loss is significantly worse when calculated manually in train_step compared to passed into model.compile',
    'source_kind': 'variant',
    'category': 'label_shape_broadcast',
    'culprit': {'input': 'y', 'variable': None, 'layer': 'demand', 'op': 'Sub', 'line': 'err = y_true - y_pred'},
    'why': '(batch,) minus (batch, 1) broadcasts to (batch, batch): every prediction is compared with every target and the model learns the quantile of the whole batch.',
    'fix': 'Give y the shape (batch, 1), or reshape inside the loss.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'err = y_true - y_pred'},
             {'input': 'y', 'variable': None, 'layer': None, 'op': None, 'line': "'y': (2.0 * h[:, -1, 0] + r.normal(size=16)).astype('float32')"},
             {'input': 'y', 'variable': None, 'layer': 'demand', 'op': None, 'line': None}],
}
