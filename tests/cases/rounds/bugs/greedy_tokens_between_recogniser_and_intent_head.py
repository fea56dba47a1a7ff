"""The recogniser's greedy tokens (argmax) feed the intent classifier, so the recogniser never trains."""
import keras
import numpy as np
from keras import layers, ops

VOCAB = 11


@keras.saving.register_keras_serializable(package='slu')
class GreedyTokens(layers.Layer):
    def call(self, logits):
        return ops.argmax(logits, axis=-1)


def recogniser(frames):
    h = layers.Conv1D(12, 3, padding='same', activation='gelu', name='asr_conv')(frames)
    h = layers.GRU(12, return_sequences=True, name='asr_gru')(h)
    return layers.Dense(VOCAB, name='asr_logits')(h)


def intent(tokens):
    h = layers.GRU(10, name='nlu_gru')(tokens)
    return layers.Dense(4, activation='softmax', name='intent')(h)


def build():
    keras.utils.set_random_seed(3)
    frames = keras.Input((9, 6), name='frames')
    tokens = GreedyTokens(name='greedy')(recogniser(frames))
    emb = layers.Embedding(VOCAB, 8, name='token_embedding')(tokens)
    model = keras.Model(frames, intent(emb), name='spoken_intent')
    model.compile('adam', 'sparse_categorical_crossentropy')
    return model


def fixed():
    keras.utils.set_random_seed(3)
    frames = keras.Input((9, 6), name='frames')
    probs = layers.Softmax(name='soft_tokens')(recogniser(frames))
    emb = layers.Dense(8, use_bias=False, name='token_embedding')(probs)
    model = keras.Model(frames, intent(emb), name='spoken_intent')
    model.compile('adam', 'sparse_categorical_crossentropy')
    return model


def sample():
    r = np.random.default_rng(0)
    return {'frames': r.normal(size=(8, 9, 6)).astype('float32'), 'y': r.integers(0, 4, 8)}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/11157',
    'title': 'backend argmax has none for gradients. Can you even define one?',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': 'frames', 'variable': 'asr_', 'layer': 'greedy', 'op': 'ArgMax', 'line': 'return ops.argmax(logits, axis=-1)'},
    'why': 'argmax yields integers; nothing flows back through them, so every weight of the recogniser has gradient None.',
    'fix': 'Mix the embeddings with the softmax probabilities (or a straight-through estimator) instead of looking up the argmax.',
    'also': [{'input': None, 'variable': None, 'layer': 'greedy', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "tokens = GreedyTokens(name='greedy')(recogniser(frames))"},
             {'input': None, 'variable': None, 'layer': 'token_embedding', 'op': None, 'line': None}],
}
