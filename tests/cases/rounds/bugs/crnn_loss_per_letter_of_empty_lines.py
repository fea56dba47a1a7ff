"""OCR: the CTC loss of each text line is divided by its number of letters, and one line of the form is empty."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'crnn_loss_per_letter_of_empty_lines'


def lengths(y_true, y_pred):
    frames = tf.fill(tf.shape(y_pred)[:1], tf.shape(y_pred)[1])
    return frames, tf.reduce_sum(tf.cast(y_true > 0, tf.int32), axis=1)


@keras.saving.register_keras_serializable(package=PKG)
def ctc_per_letter(y_true, y_pred):
    y_true = tf.cast(y_true, tf.int32)
    frames, letters = lengths(y_true, y_pred)
    loss = tf.nn.ctc_loss(y_true, y_pred, letters, frames, logits_time_major=False, blank_index=0)
    return loss / tf.cast(letters, loss.dtype)


@keras.saving.register_keras_serializable(package=PKG)
def guarded_ctc(y_true, y_pred):
    y_true = tf.cast(y_true, tf.int32)
    frames, letters = lengths(y_true, y_pred)
    nll = tf.nn.ctc_loss(y_true, y_pred, letters, frames, logits_time_major=False, blank_index=0)
    return nll / tf.cast(tf.maximum(letters, 1), nll.dtype)


def crnn(loss):
    keras.utils.set_random_seed(1)
    image = keras.Input((16, 48, 1), name='line_image')
    x = image
    for i, (filters, window) in enumerate(((6, (2, 2)), (8, (2, 1)), (10, (2, 1)))):
        x = keras.layers.Conv2D(filters, 3, padding='same', activation='relu', name=f'conv{i}')(x)
        x = keras.layers.MaxPooling2D(window, name=f'pool{i}')(x)
    x = keras.layers.Permute((2, 1, 3), name='width_first')(x)
    x = keras.layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name='frames')(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(10, return_sequences=True), name='context')(x)
    m = keras.Model({'line_image': image}, keras.layers.Dense(11, name='letters')(x))
    m.compile('adam', loss)
    return m


def build():
    return crnn(ctc_per_letter)


def fixed():
    return crnn(guarded_ctc)


def sample():
    r = np.random.default_rng(3)
    y = np.zeros((6, 8), 'int32')
    for row, n in zip(y, (7, 6, 0, 7, 4, 8)):
        row[:n] = r.permutation(np.arange(1, 11))[:n]
    image = r.random((6, 16, 48, 1))
    image[2] = 0.0
    return {'line_image': image.astype('float32'), 'y': y}


EXPECT = {
    'source': 'https://github.com/tensorflow/addons/issues/2447',
    'title': 'NaN loss: a sum is divided by a count that may be zero (there: positives of a triplet batch)',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'RealDiv', 'line': 'return loss / tf.cast(letters, loss.dtype)'},
    'why': 'The empty line has 0 letters: its loss is infinite and the gradient of every weight is not finite.',
    'fix': 'Divide by tf.maximum(letters, 1).',
}
EXPECT['also'] = [{'op': None}, {'input': 'y'}, {'layer': 'letters'}, {'input': 'y', 'op': None}, {'layer': 'letters', 'op': None}, {'op': None, 'line': 'frames, letters = lengths(y_true, y_pred)'},
                  {'op': None, 'line': "m.compile('adam', loss)"}, {'op': None, 'line': 'return crnn(ctc_per_letter)'}, {'input': 'line_image'}]
