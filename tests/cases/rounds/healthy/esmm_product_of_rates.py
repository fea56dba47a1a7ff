"""Entire-space multi-task ranker: conversion is only seen through the product with the click rate."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_esmm_product')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


def build():
    keras.utils.set_random_seed(1)
    sizes = {'user': 30, 'item': 40}
    ids = {k: keras.Input((), dtype='int32', name=k) for k in sizes}
    context = keras.Input((4,), name='context')
    x = L.Concatenate()([L.Embedding(n, 5, name=k + '_table')(ids[k]) for k, n in sizes.items()] + [context])
    click, convert = (L.Dense(1, activation='sigmoid', name=k)(L.Dense(8, activation='gelu', name=k + '_tower')(x)) for k in ('pctr', 'pcvr'))
    m = keras.Model({**ids, 'context': context}, {'click': click, 'click_and_buy': L.Multiply(name='product')([click, convert])})
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(1)
    return {'user': I(r, 30, 16), 'item': I(r, 40, 16), 'context': F(r, 16, 4), 'y:click': B(r, 16, 1), 'y:click_and_buy': B(r, 16, 1)}


NOTES = dict(family='recommender', why_hard='the conversion tower has no output of its own and no loss of its own', legit_nongradient=[])
