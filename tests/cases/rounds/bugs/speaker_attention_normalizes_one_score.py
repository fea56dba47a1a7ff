"""Speaker identification with attentive pooling: the softmax over frame scores of shape (frames, 1) runs over the last axis."""
import numpy as np
import keras


def speaker_net(softmax):
    keras.utils.set_random_seed(11)
    mel = keras.Input((40, 16), name='log_mel')
    x = mel
    for i, dilation in enumerate((1, 2, 3)):
        x = keras.layers.Conv1D(20, 3, dilation_rate=dilation, padding='same', activation='relu', name=f'tdnn_{i}')(x)
        x = keras.layers.LayerNormalization(name=f'norm_{i}')(x)
    score = keras.layers.Dense(12, activation='tanh', name='score_hidden')(x)
    score = keras.layers.Dense(1, use_bias=False, name='score')(score)
    weight = softmax(score)
    x = keras.layers.Multiply(name='weigh')([x, weight])
    x = keras.layers.GlobalAveragePooling1D(name='utterance')(x)
    m = keras.Model({'log_mel': mel}, keras.layers.Dense(5, name='speaker')(x))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return speaker_net(keras.layers.Softmax(name='frame_weight'))


def fixed():
    return speaker_net(keras.layers.Softmax(axis=1, name='frame_weight'))


def sample():
    r = np.random.default_rng(13)
    return {'log_mel': r.normal(size=(8, 40, 16)).astype('float32'), 'y': r.integers(0, 5, 8).astype('int32')}


EXPECT = {
    'source': 'https://github.com/localminimum/R-net/issues/8',
    'title': 'Attention pooling: softmax on the last dimension, which has one element, makes every score 1',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'score/kernel', 'layer': 'frame_weight', 'op': 'Softmax', 'line': "return speaker_net(keras.layers.Softmax(name='frame_weight'))"},
    'why': 'Each frame has weight 1 whatever its score; both score layers get a gradient of zero.',
    'fix': 'Softmax(axis=1).',
}
EXPECT['also'] = [
    {'variable': 'score_hidden'}, {'op': None}, {'line': 'weight = softmax(score)'}, {'line': 'weight = softmax(score)', 'variable': 'score_hidden'},
    {'layer': 'weigh', 'op': None}, {'line': "score = keras.layers.Dense(1, use_bias=False, name='score')(score)", 'op': None},
]
