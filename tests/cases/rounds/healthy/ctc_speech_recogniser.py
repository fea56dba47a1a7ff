"""Speech recogniser with a convolutional front end, a bidirectional GRU and the CTC loss."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

def build():
    keras.utils.set_random_seed(17)
    mel = keras.Input((24, 6), name='mel')
    x = L.Conv1D(10, 3, padding='same', use_bias=False, name='conv')(mel)
    x = L.LayerNormalization(name='norm')(x)
    x = L.Activation('gelu')(x)
    x = L.Bidirectional(L.GRU(6, return_sequences=True), merge_mode='sum', name='bigru')(x)
    m = keras.Model(mel, L.Dense(8, name='symbols')(x))
    m.compile('adam', keras.losses.CTC())
    return m


def sample():
    r = np.random.default_rng(16)
    return {'mel': r.normal(size=(4, 24, 6)).astype('float32'), 'y': r.integers(1, 8, (4, 5)).astype('int32')}


NOTES = dict(family='audio', why_hard='labels of another rank and length than the predictions, which is right for CTC; normalised axis of the front end', legit_nongradient=[])
