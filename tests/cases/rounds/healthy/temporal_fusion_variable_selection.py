"""Time series: variable selection, gated residual units and static context as in the temporal fusion transformer; three quantiles."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'temporal_fusion_variable_selection'


@keras.saving.register_keras_serializable(package=PKG)
class GRN(keras.layers.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.a, self.b = keras.layers.Dense(units, activation='elu', name='a'), keras.layers.Dense(2 * units, name='b')
        self.skip, self.norm = keras.layers.Dense(units, use_bias=False, name='skip'), keras.layers.LayerNormalization(name='norm')

    def build(self, shape):
        self.a.build(shape)
        self.skip.build(shape)
        self.b.build((*shape[:-1], self.units))
        self.norm.build((*shape[:-1], self.units))

    def call(self, x):
        value, gate = tf.split(self.b(self.a(x)), 2, axis=-1)
        return self.norm(self.skip(x) + value * tf.sigmoid(gate))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@keras.saving.register_keras_serializable(package=PKG)
class Select(keras.layers.Layer):
    def call(self, inputs):
        weights, values = inputs
        return tf.einsum('btc,btcd->btd', weights, values)

    def compute_output_shape(self, shapes):
        return (*shapes[0][:-1], shapes[1][-1])


@keras.saving.register_keras_serializable(package=PKG)
def pinball(y, p):
    q = tf.constant([0.1, 0.5, 0.9])
    e = y - p
    return tf.reduce_mean(tf.maximum(q * e, (q - 1.0) * e), axis=-1)


def build():
    keras.utils.set_random_seed(7)
    series = keras.Input((12, 4), name='series')
    shop = keras.Input((), dtype='int32', name='shop')
    static = keras.layers.Embedding(9, 6, name='shop_embedding')(shop)
    lifted = keras.layers.Reshape((12, 4, 6), name='columns')(keras.layers.Dense(24, name='lift')(series))
    context = keras.layers.RepeatVector(12, name='spread')(static)
    weights = keras.layers.Softmax(name='selection')(keras.layers.Dense(4, name='selection_logits')(GRN(8, name='selection_grn')(keras.layers.Concatenate(name='with_context')([series, context]))))
    picked = Select(name='selected')([weights, lifted])
    start = keras.layers.Dense(10, activation='tanh', name='initial_state')(static)
    h = keras.layers.GRU(10, return_sequences=True, name='past')(picked, initial_state=start)
    a = keras.layers.MultiHeadAttention(2, 5, name='attention')(h, h, use_causal_mask=True)
    h = GRN(10, name='fuse')(keras.layers.Add(name='gate_in')([h, a]))
    m = keras.Model({'series': series, 'shop': shop}, keras.layers.Dense(3, name='quantiles')(h))
    m.compile('adam', pinball)
    return m


def sample():
    r = np.random.default_rng(7)
    return {'series': r.normal(size=(8, 12, 4)).astype('float32'), 'shop': r.integers(0, 9, 8).astype('int32'), 'y': r.normal(size=(8, 12, 1)).astype('float32')}


NOTES = dict(family='time series', why_hard='labels (8, 12, 1) against three quantiles on purpose; the bias of the attention keys has no effect on a softmax',
             legit_nongradient=[dict(what='key/bias', kind='variable', category='zero_gradient', reason='a bias of the keys cancels in the softmax over keys')])
