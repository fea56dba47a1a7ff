"""One team stacks frame features time-major, the other team's GRU reads the batch as time."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(5)


def net(axis):
    frames, glove = keras.Input((5, 12, 12, 1), name='frames'), keras.Input((4,), name='glove')
    enc = keras.Sequential([keras.Input((12, 12, 1)), L.Conv2D(4, 3, strides=2, activation='relu'), L.Flatten(), L.Dense(6)], name='frame_encoder')
    feats = ops.stack([enc(frames[:, t]) for t in range(5)], axis=axis)
    h = L.GRU(7, return_sequences=True, name='motion_gru')(feats)
    if axis == 0:
        h = ops.transpose(h, (1, 0, 2))
    h = L.Concatenate()([L.GlobalMaxPooling1D(name='pool')(h), L.Dense(3, name='glove_fc')(glove)])
    m = keras.Model([frames, glove], L.Dense(3, activation='softmax', name='gesture')(h))
    m.compile('adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net(0)


def fixed():
    return net(1)


def sample():
    r = np.random.default_rng(0)
    return {'frames': r.random((6, 5, 12, 12, 1), 'float32'), 'glove': r.normal(size=(6, 4)).astype('float32'), 'y': r.integers(0, 3, 6).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/9419',
    'title': 'lstm output shape problem when reshaping lstm input (basically turning the batch into time steps)',
    'source_kind': 'variant', 'category': 'batch_mixing',
    'culprit': {'input': 'frames', 'variable': None, 'layer': 'motion_gru', 'op': None, 'line': "h = L.GRU(7, return_sequences=True, name='motion_gru')(feats)"},
    'why': 'The encoder gives (time, batch, features); a Keras GRU takes axis 0 as the batch, so it walks along the examples.',
    'fix': 'Stack along axis 1 (or transpose before the GRU).',
    'also': [{'op': None, 'line': 'ops.stack([enc(frames[:, t]) for t in range(5)], axis=axis)', 'layer': None},
             {'op': None, 'line': 'return net(0)', 'layer': None}, {'op': None, 'line': 'h = ops.transpose(h, (1, 0, 2))', 'layer': None}],
}
