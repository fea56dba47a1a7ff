"""The product of click and conversion rate detaches the wrong factor, so the conversion tower never learns."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_esmm_detache')


@reg
class ClickAndConvert(L.Layer):
    """p(click and convert) = p(click) * p(convert | click)."""

    def call(self, click, convert):
        return click * ops.stop_gradient(convert)

    def compute_output_shape(self, click_shape, convert_shape):
        return click_shape


@reg
class ClickThenConvert(ClickAndConvert):
    def call(self, click, convert):
        return ops.stop_gradient(click) * convert


def make(product):
    keras.utils.set_random_seed(13)
    sizes = {'user': 30, 'item': 50, 'slot': 4}
    ids = {k: keras.Input((), dtype='int32', name=k) for k in sizes}
    shared = L.Concatenate(name='shared')([L.Embedding(n, 6, name=k + '_table')(ids[k]) for k, n in sizes.items()])

    def tower(name):
        h = L.Dense(12, activation='relu', name=name + '_hidden')(shared)
        return L.Dense(1, activation='sigmoid', name=name + '_rate')(h)

    click, convert = tower('click'), tower('convert')
    model = keras.Model(ids, {'click': click, 'click_and_convert': product(name='entire_space')(click, convert)})
    model.compile('adam', {'click': 'binary_crossentropy', 'click_and_convert': 'binary_crossentropy'})
    return model


def build():
    return make(ClickAndConvert)


def fixed():
    return make(ClickThenConvert)


def sample():
    r = np.random.default_rng(14)
    click = r.integers(0, 2, (20, 1)).astype('float32')
    return {'user': r.integers(0, 30, 20).astype('int32'), 'item': r.integers(0, 50, 20).astype('int32'), 'slot': r.integers(0, 4, 20).astype('int32'),
            'y:click': click, 'y:click_and_convert': click * r.integers(0, 2, (20, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'own',
    'title': 'ESMM: conversion tower stays at its initial weights',
    'source_kind': 'own',
    'category': 'stop_gradient',
    'culprit': _at('return click * ops.stop_gradient(convert)', 'entire_space', 'StopGradient', 'convert_hidden'),
    'why': 'The conversion rate is only seen through the product; with it detached the conversion tower has no gradient.',
    'fix': 'Detach the click rate (or nothing) in the product.',
    'also': [_at(variable='convert_rate', layer='entire_space'), _at(op='StopGradient'), _at(layer='entire_space'),
             _at("product(name='entire_space')(click, convert)")],
}
