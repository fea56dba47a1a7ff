"""A learned segment number is cast to an integer to look an embedding up, so the segmenter gets no gradient."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_segment_id_c')


@reg
class SegmentId(L.Layer):
    """Turns scores in [-1, 1] into row numbers of a table."""

    def __init__(self, rows, **kw):
        super().__init__(**kw)
        self.rows = rows

    def call(self, score):
        position = (score + 1.0) * 0.5 * (self.rows - 1)
        return tf.cast(tf.clip_by_value(position, 0.0, self.rows - 1.0), tf.int32)

    def compute_output_spec(self, score):
        return keras.KerasTensor(score.shape, dtype='int32')

    def get_config(self):
        return {**super().get_config(), 'rows': self.rows}


@reg
class SoftLookup(L.Layer):
    """Mixes the rows of a table by their distance from the position."""

    def __init__(self, rows, width, **kw):
        super().__init__(**kw)
        self.rows, self.width = rows, width

    def build(self, shape):
        self.table = self.add_weight(name='table', shape=(self.rows, self.width), initializer='uniform')

    def call(self, score):
        position = (score + 1.0) * 0.5 * (self.rows - 1)
        away = position[..., None] - ops.cast(ops.arange(self.rows), 'float32')
        return ops.matmul(ops.softmax(-ops.square(away), axis=-1), self.table)

    def get_config(self):
        return {**super().get_config(), 'rows': self.rows, 'width': self.width}


def make(soft):
    keras.utils.set_random_seed(1)
    profile = keras.Input((9,), name='profile')
    wide = L.Dense(12, activation='relu', name='wide')(profile)
    score = L.Dense(4, activation='tanh', name='segmenter')(profile)
    if soft:
        vectors = SoftLookup(10, 5, name='segment_vectors')(score)
    else:
        ids = SegmentId(10, name='segment_id')(score)
        vectors = L.Embedding(10, 5, name='segment_vectors')(ids)
    deep = L.Dense(6, activation='relu', name='deep')(L.Flatten(name='flat')(vectors))
    spend = L.Dense(1, name='spend')(L.Concatenate(name='joined')([wide, deep]))
    model = keras.Model(profile, spend)
    model.compile('adam', 'mse')
    return model


def build():
    return make(False)


def fixed():
    return make(True)


def sample():
    r = np.random.default_rng(2)
    return {'profile': r.normal(size=(16, 9)).astype('float32'), 'y': r.normal(size=(16, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/keras-team/tf-keras/issues/826',
    'title': 'Embedding layer after a Dense layer raises UserWarning: Gradients do not exist',
    'source_kind': 'report',
    'category': 'nondifferentiable_op',
    'culprit': _at('return tf.cast(tf.clip_by_value(position, 0.0, self.rows - 1.0), tf.int32)', 'segment_id', 'Cast', 'segmenter'),
    'why': 'An index has no gradient: the cast to int32 (and the lookup by it) cuts the segmenter off.',
    'fix': 'Mix the rows of the table by a softmax over distances (or learn the segments otherwise).',
    'also': [_at(layer='segment_id', variable='segmenter'), _at('ids = SegmentId(10, name=', None, None, 'segmenter'),
             _at("vectors = L.Embedding(10, 5, name='segment_vectors')(ids)"), _at(layer='segment_vectors'),
             _at(op='ResourceGather'), _at(op='GatherV2'), _at(op='Cast')],
}
