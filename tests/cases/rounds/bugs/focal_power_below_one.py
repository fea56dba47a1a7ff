"""Focal loss with gamma 0.5 on a sigmoid that reaches exactly 1 for an extreme customer."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='focal_power_below_one')


@reg
class Focal(keras.losses.Loss):
    def __init__(self, gamma=0.5, alpha=0.25, name='focal', **kw):
        super().__init__(name=name, **kw)
        self.gamma, self.alpha = gamma, alpha

    def get_config(self):
        return {**super().get_config(), 'gamma': self.gamma, 'alpha': self.alpha}

    def call(self, y_true, y_pred):
        p1 = tf.where(y_true > 0.5, y_pred, tf.ones_like(y_pred))
        p0 = tf.where(y_true > 0.5, tf.zeros_like(y_pred), y_pred)
        hit = self.alpha * tf.pow(1.0 - p1, self.gamma) * tf.math.log(p1 + 1e-7)
        miss = (1.0 - self.alpha) * tf.pow(p0, self.gamma) * tf.math.log(1.0 - p0 + 1e-7)
        return -tf.reduce_mean(hit + miss, axis=-1)


@reg
class ClippedFocal(Focal):
    def call(self, y_true, y_pred):
        return super().call(y_true, tf.clip_by_value(y_pred, 1e-6, 1.0 - 1e-6))


def net(loss):
    keras.utils.set_random_seed(7)
    num, plan = keras.Input((4,), name='usage'), keras.Input((1,), dtype='int32', name='plan')
    e = L.Flatten()(L.Embedding(3, 4, name='plan_embed')(plan))
    h = L.Dense(8, activation='relu', name='hidden', kernel_initializer=keras.initializers.RandomUniform(0.1, 0.5))(num)
    z = L.Concatenate()([h, e])
    out = L.Dense(1, activation='sigmoid', name='churn', kernel_initializer=keras.initializers.RandomUniform(0.0, 0.5))(z)
    m = keras.Model({'usage': num, 'plan': plan}, out)
    m.compile(optimizer='adam', loss=loss)
    return m


def build():
    return net(Focal())


def fixed():
    return net(ClippedFocal())


def sample():
    r = np.random.default_rng(0)
    x = np.abs(r.normal(size=(12, 4))).astype('float32')
    x[5] = (60.0, 45.0, 80.0, 70.0)
    y = r.integers(0, 2, (12, 1)).astype('float32')
    y[5] = 1.0
    return {'usage': x, 'plan': r.integers(0, 3, (12, 1)).astype('int32'), 'y': y}


EXPECT = {
    'source': 'https://github.com/mkocabas/focal-loss-keras/issues/5',
    'title': 'loss is not stable',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'usage', 'variable': 'churn/kernel', 'layer': 'churn', 'op': 'Pow', 'line': 'hit = self.alpha * tf.pow(1.0 - p1, self.gamma) * tf.math.log(p1 + 1e-7)'},
    'why': 'A power below one has an infinite slope at zero, reached when the sigmoid rounds to 1; times the zero slope of the sigmoid that is NaN.',
    'fix': 'Clip the probabilities to [eps, 1 - eps] before the power, or compute from logits.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': 'Pow', 'line': 'tf.pow(1.0 - p1, self.gamma)'},
             {'input': 'usage', 'variable': 'hidden/kernel', 'layer': 'churn', 'op': 'Sigmoid', 'line': "out = L.Dense(1, activation='sigmoid', name='churn'"}],
}
