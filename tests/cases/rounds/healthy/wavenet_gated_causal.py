"""WaveNet-like stack: gated causal dilated convolutions, skip sums, no unused last residual."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

def build():
    keras.utils.set_random_seed(12)
    past = keras.Input((32, 1), name='wave')
    speaker = keras.Input((), dtype='int32', name='speaker')
    g = L.Embedding(3, 6, name='speaker_table')(speaker)
    x = L.Conv1D(6, 2, padding='causal', name='front')(past)
    skips = []
    for i, d in enumerate((1, 2, 4)):
        t = L.Conv1D(6, 2, padding='causal', dilation_rate=d, name=f'tanh{i}')(x)
        s = L.Conv1D(6, 2, padding='causal', dilation_rate=d, name=f'sig{i}')(x)
        c = L.Reshape((1, 6))(L.Dense(6, use_bias=False, name=f'cond{i}')(g))
        z = L.Multiply()([L.Activation('tanh')(L.Add()([t, c])), L.Activation('sigmoid')(s)])
        skips.append(L.Conv1D(8, 1, name=f'skip{i}')(z))
        if i < 2:
            x = L.Add()([x, L.Conv1D(6, 1, name=f'res{i}')(z)])
    y = L.Conv1D(16, 1, name='levels')(L.Activation('relu')(L.Add()(skips)))
    m = keras.Model({'wave': past, 'speaker': speaker}, y)
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def sample():
    r = np.random.default_rng(11)
    return {'wave': r.uniform(-1, 1, (4, 32, 1)).astype('float32'), 'speaker': r.integers(0, 3, 4).astype('int32'), 'y': r.integers(0, 16, (4, 32))}


NOTES = dict(family='audio', why_hard='gates, dilations; early steps see zero padding; biases of the skips are redundant but get a gradient', legit_nongradient=[])
