"""A calibration head reads a step function by bucket number, so nothing below the head learns."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_calibration_')


@reg
class CalibrationCurve(L.Layer):
    """Maps a score to a calibrated probability through learned heights."""

    def __init__(self, low=-4.0, high=4.0, cells=16, interpolate=False, **kw):
        super().__init__(**kw)
        self.low, self.high, self.cells, self.interpolate = low, high, cells, interpolate
        self.knots = [float(k) for k in np.linspace(low, high, cells + 1)]

    def build(self, shape):
        self.heights = self.add_weight(name='heights', shape=(self.cells + 2,), initializer=keras.initializers.Constant(0.0))
        self.heights.assign(np.linspace(-3.0, 3.0, self.cells + 2))

    def call(self, score):
        if self.interpolate:
            place = ops.clip((score - self.low) / (self.high - self.low), 0.01, 0.99) * (self.cells + 1.0)
            left = ops.cast(ops.floor(ops.stop_gradient(place)), 'int32')
            part = place - ops.cast(left, 'float32')
            return ops.sigmoid((1.0 - part) * ops.take(self.heights, left) + part * ops.take(self.heights, left + 1))
        cell = ops.digitize(score, self.knots)
        return ops.sigmoid(ops.take(self.heights, cell))

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), 'low': self.low, 'high': self.high, 'cells': self.cells, 'interpolate': self.interpolate}


def make(interpolate):
    keras.utils.set_random_seed(3)
    amounts = keras.Input((24, 2), name='transactions')
    country = keras.Input((1,), dtype='int32', name='country')
    h = L.GRU(8, name='history')(amounts)
    c = L.Flatten()(L.Embedding(12, 3, name='country_table')(country))
    score = L.Dense(1, name='risk_score')(L.Concatenate()([h, c]))
    model = keras.Model({'transactions': amounts, 'country': country}, CalibrationCurve(interpolate=interpolate, name='calibrate')(score))
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(False)


def fixed():
    return make(True)


def sample():
    r = np.random.default_rng(4)
    return {'transactions': r.normal(size=(10, 24, 2)).astype('float32'), 'country': r.integers(0, 12, (10, 1)).astype('int32'),
            'y': r.integers(0, 2, (10, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'own',
    'title': 'Calibration layer at the end of a fraud model stops the training of everything before it',
    'source_kind': 'own',
    'category': 'nondifferentiable_op',
    'culprit': _at('cell = ops.digitize(score, self.knots)', 'calibrate', 'Bucketize', 'risk_score'),
    'why': 'The bucket number has no derivative by the score; only the heights receive a gradient.',
    'fix': 'Interpolate between the heights of neighbouring knots by the fractional position.',
    'also': [_at(layer='calibrate'), _at(layer='calibrate', input='transactions'), _at('return ops.sigmoid(ops.take(self.heights, cell))'),
             _at(op='Bucketize'), _at(op='GatherV2'), _at(op='Cast'), _at(op='ResourceGather')],
}
