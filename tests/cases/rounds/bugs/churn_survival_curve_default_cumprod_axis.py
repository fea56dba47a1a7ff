"""The survival curve is a cumulative product whose axis was left at its default, the batch."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(4)
reg = keras.saving.register_keras_serializable(package='m5_surv')


@reg
class SurvivalCurve(L.Layer):
    def call(self, hazard):
        return tf.math.cumprod(1.0 - hazard)


@reg
class SurvivalCurvePerClient(L.Layer):
    def call(self, hazard):
        return tf.math.cumprod(1.0 - hazard, axis=1)


@reg
def alive_loss(y_true, s):
    s = tf.clip_by_value(s, 1e-5, 1.0 - 1e-5)
    return -tf.reduce_mean(y_true * tf.math.log(s) + (1.0 - y_true) * tf.math.log(1.0 - s), -1)


def net(curve):
    usage, plan = keras.Input((12, 3), name='usage'), keras.Input((), dtype='int32', name='plan')
    h = L.GRU(8, name='usage_gru')(usage)
    h = L.Concatenate()([h, L.Embedding(5, 4, name='plan_emb')(plan)])
    hz = L.Dense(10, activation='sigmoid', bias_initializer=keras.initializers.Constant(-2.0), name='hazard')(h)
    m = keras.Model({'usage': usage, 'plan': plan}, curve(name='survival')(hz))
    m.compile('adam', loss=alive_loss)
    return m


def build():
    return net(SurvivalCurve)


def fixed():
    return net(SurvivalCurvePerClient)


def sample():
    r = np.random.default_rng(0)
    t = r.integers(1, 10, 6)
    return {'usage': r.normal(size=(6, 12, 3)).astype('float32'), 'plan': r.integers(0, 5, 6).astype('int32'),
            'y': (np.arange(10)[None] < t[:, None]).astype('float32')}


EXPECT = {
    'source': 'https://github.com/mahmoodlab/MCAT/issues/8',
    'title': 'Questions about the computation of the survival layer in MCAT_Surv (S is the cumulative product along the batch dimension)',
    'source_kind': 'variant', 'category': 'batch_mixing',
    'culprit': {'input': 'usage', 'variable': None, 'layer': 'survival', 'op': 'Cumprod', 'line': 'return tf.math.cumprod(1.0 - hazard)'},
    'why': 'cumprod runs over axis 0 by default: the survival of a client is the product of the hazards of the clients before it in the batch.',
    'fix': 'axis=1',
    'also': [{'op': None, 'line': "curve(name='survival')(hz)", 'layer': None}, {'op': None, 'line': 'class SurvivalCurve(', 'layer': None}],
}
