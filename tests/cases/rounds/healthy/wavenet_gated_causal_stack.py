"""Speech: WaveNet with gated dilated causal convolutions and summed skips; the last block has no residual path."""
import numpy as np
import keras


def build():
    keras.utils.set_random_seed(19)
    mu = keras.Input((32,), dtype='int32', name='mu_law')
    speaker = keras.Input((), dtype='int32', name='speaker')
    x = keras.layers.Embedding(16, 8, name='sample_embedding')(mu)
    who = keras.layers.Reshape((1, 8), name='as_frame')(keras.layers.Embedding(4, 8, name='speaker_embedding')(speaker))
    skips = []
    for i, d in enumerate((1, 2, 4)):
        h = keras.layers.Add(name=f'condition{i}')([keras.layers.Conv1D(8, 2, dilation_rate=d, padding='causal', name=f'filter{i}')(x), who])
        g = keras.layers.Conv1D(8, 2, dilation_rate=d, padding='causal', activation='sigmoid', name=f'gate{i}')(x)
        z = keras.layers.Multiply(name=f'gated{i}')([keras.layers.Activation('tanh', name=f'tanh{i}')(h), g])
        skips.append(keras.layers.Conv1D(10, 1, name=f'skip{i}')(z))
        if i < 2:
            x = keras.layers.Add(name=f'residual{i}')([x, keras.layers.Conv1D(8, 1, name=f'res{i}')(z)])
    y = keras.layers.Activation('relu', name='relu_out')(keras.layers.Add(name='skips')(skips))
    m = keras.Model({'mu_law': mu, 'speaker': speaker}, keras.layers.Conv1D(16, 1, name='logits')(y))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def sample():
    r = np.random.default_rng(19)
    w = r.integers(0, 16, (6, 33)).astype('int32')
    return {'mu_law': w[:, :-1], 'speaker': r.integers(0, 4, 6).astype('int32'), 'y': w[:, 1:]}


NOTES = dict(family='speech', why_hard='next-sample labels equal to the shifted input; products of tanh and sigmoid; no look-ahead', legit_nongradient=[])
