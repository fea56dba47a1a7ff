"""Classifier of noisy labels: a learned transition matrix behind the softmax, started near the identity."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_noisy_label_transition_layer')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Transition(L.Layer):
    def build(self, s):
        self.logits = self.add_weight(name='logits', shape=(s[-1], s[-1]), initializer=keras.initializers.Identity(gain=3.0))

    def call(self, p): return p @ tf.nn.softmax(self.logits)


def build():
    keras.utils.set_random_seed(20)
    x, who = keras.Input((10, 10, 1), name='image'), keras.Input((), dtype='int32', name='annotator')
    h = L.MaxPooling2D()(L.Conv2D(8, 3, activation='relu', name='conv')(x))
    h = L.Dropout(0.1, seed=1)(L.Flatten()(h))
    clean = L.Dense(4, activation='softmax', name='clean')(h)
    noisy = Transition(name='noise')(clean)
    trust = L.Reshape((1,))(L.Embedding(5, 1, embeddings_initializer=keras.initializers.Constant(0.5), name='trust')(who))
    trust = L.Activation('sigmoid', name='trust_p')(trust)
    out = L.Add(name='label')([L.Multiply()([noisy, trust]), L.Rescaling(-0.25, offset=0.25, name='guess')(trust)])
    m = keras.Model({'image': x, 'annotator': who}, out)
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample(): return {'image': N(12, 10, 10, 1), 'annotator': I(5, 12), 'y': I(4, 12, seed=1)}


NOTES = dict(family='noisy labels', why_hard='softmax in the middle, probabilities mixed with a uniform guess; weights of constant start', legit_nongradient=[])
