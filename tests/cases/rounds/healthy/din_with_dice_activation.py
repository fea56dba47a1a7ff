"""Deep interest network: unnormalised attention and the Dice activation."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_din_with_dic')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Dice(L.Layer):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.bn = L.BatchNormalization(center=False, scale=False, name='bn')

    def build(self, s):
        self.bn.build(s)
        self.alpha = self.add_weight(name='alpha', shape=(s[-1],), initializer='zeros')

    def call(self, x, training=None):
        p = ops.sigmoid(self.bn(x, training=training))
        return p * x + (1.0 - p) * self.alpha * x


@reg
class Interest(L.Layer):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.hidden, self.out = L.Dense(8, name='hidden'), L.Dense(1, name='out')
        self.dice = Dice(name='dice')

    def build(self, ad_shape, past_shape, ids_shape):
        wide = tuple(past_shape[:-1]) + (3 * past_shape[-1],)
        self.hidden.build(wide)
        self.dice.build(wide[:-1] + (8,))
        self.out.build(wide[:-1] + (8,))

    def call(self, ad, past, ids, training=None):
        q = ops.broadcast_to(ad[:, None], ops.shape(past))
        w = self.out(self.dice(self.hidden(ops.concatenate([q, past, q * past], -1)), training=training))
        keep = ops.cast(ops.not_equal(ids, 0), w.dtype)[..., None]
        return ops.sum(w * keep * past, axis=1)

    def compute_output_shape(self, ad_shape, past_shape, ids_shape):
        return ad_shape


def build():
    keras.utils.set_random_seed(13)
    ad, past = keras.Input((), dtype='int32', name='ad'), keras.Input((6,), dtype='int32', name='past')
    goods = L.Embedding(25, 6, name='goods')
    a = goods(ad)
    h = L.Dense(10, name='mlp')(L.Concatenate()([a, Interest(name='interest')(a, goods(past), past)]))
    m = keras.Model({'ad': ad, 'past': past}, L.Dense(1, activation='sigmoid', name='ctr')(Dice(name='dice')(h)))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(13)
    past = I(r, 25, 16, 6, low=1)
    past[::3, 2:] = 0
    return {'ad': I(r, 25, 16, low=1), 'past': past, 'y': B(r, 16, 1)}


NOTES = dict(family='custom activation', why_hard='batch statistics in an activation in training, alpha starts at zero, shared table', legit_nongradient=[])
