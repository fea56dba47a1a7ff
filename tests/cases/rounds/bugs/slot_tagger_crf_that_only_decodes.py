"""Joint intent and slot tagger: the CRF hands the potentials on, its transitions are used for decoding alone."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'slot_tagger_crf_that_only_decodes'


@keras.saving.register_keras_serializable(package=PKG)
class CRF(keras.layers.Layer):
    def __init__(self, tags, **kw):
        super().__init__(**kw)
        self.tags = tags
        self.emit = keras.layers.Dense(tags, name='emit')

    def build(self, shape):
        self.emit.build(shape)
        self.transitions = self.add_weight(shape=(self.tags, self.tags), initializer=keras.initializers.RandomNormal(stddev=0.1, seed=6), name='transitions')

    def decode(self, potentials):
        best = potentials[:, 0]
        for t in range(1, potentials.shape[1]):
            best = potentials[:, t] + tf.reduce_max(best[:, :, None] + self.transitions, axis=1)
        return tf.argmax(best, axis=-1)

    def call(self, x):
        potentials = self.emit(x)
        return tf.nn.softmax(potentials, axis=-1)

    def get_config(self):
        return {**super().get_config(), 'tags': self.tags}


@keras.saving.register_keras_serializable(package=PKG)
class MarginalCRF(CRF):
    def call(self, x):
        e = self.emit(x)
        steps = e.shape[1]
        left, right = [e[:, 0]], [tf.zeros_like(e[:, 0])]
        for t in range(1, steps):
            left.append(e[:, t] + tf.reduce_logsumexp(left[-1][:, :, None] + self.transitions, axis=1))
            right.append(tf.reduce_logsumexp((right[-1] + e[:, steps - t])[:, None, :] + self.transitions, axis=2))
        return tf.nn.softmax(tf.stack(left, axis=1) + tf.stack(right[::-1], axis=1), axis=-1)


def tagger(crf):
    keras.utils.set_random_seed(15)
    words = keras.Input((8,), dtype='int32', name='words')
    x = keras.layers.Embedding(60, 12, name='embedding')(words)
    x = keras.layers.Bidirectional(keras.layers.GRU(8, return_sequences=True), name='context')(x)
    intent = keras.layers.Dense(4, activation='softmax', name='intent')(keras.layers.GlobalMaxPooling1D(name='sentence')(x))
    m = keras.Model({'words': words}, {'slots': crf(x), 'intent': intent})
    m.compile('adam', {'slots': 'sparse_categorical_crossentropy', 'intent': 'sparse_categorical_crossentropy'})
    return m


def build():
    return tagger(CRF(5, name='crf'))


def fixed():
    return tagger(MarginalCRF(5, name='crf'))


def sample():
    r = np.random.default_rng(17)
    return {'words': r.integers(1, 60, (8, 8)).astype('int32'), 'y:slots': r.integers(0, 5, (8, 8)).astype('int32'), 'y:intent': r.integers(0, 4, 8).astype('int32')}


EXPECT = {
    'source': 'https://github.com/xuxingya/tf2crf/issues/15',
    'title': "Gradients do not exist for variables ['joint_intent_slot/crf/transitions:0'] when minimizing the loss",
    'source_kind': 'report',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'crf/transitions', 'layer': 'crf', 'op': None, 'line': 'return tf.nn.softmax(potentials, axis=-1)'},
    'why': 'The loss reads the potentials; the matrix of transitions is not part of it and keeps its random values.',
    'fix': 'Train the likelihood (or the marginals) of the chain.',
}
EXPECT['also'] = [
    {'line': 'self.transitions = self.add_weight('}, {'line': 'potentials = self.emit(x)'},
    {'line': "m.compile('adam', {'slots': 'sparse_categorical_crossentropy'"}, {'line': "m = keras.Model({'words': words}, {'slots': crf(x), 'intent': intent})"},
    {'line': "return tagger(CRF(5, name='crf'))"},
]
