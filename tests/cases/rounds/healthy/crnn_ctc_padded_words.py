"""OCR: CRNN with CTC loss on padded words."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'crnn_ctc_padded_words'


@keras.saving.register_keras_serializable(package=PKG)
def ctc(y_true, y_pred):
    y_true = tf.cast(y_true, tf.int32)
    frames = tf.fill(tf.shape(y_pred)[:1], tf.shape(y_pred)[1])
    letters = tf.reduce_sum(tf.cast(y_true > 0, tf.int32), axis=1)
    return tf.nn.ctc_loss(y_true, y_pred, letters, frames, logits_time_major=False, blank_index=0)


def build():
    keras.utils.set_random_seed(1)
    image = keras.Input((16, 48, 1), name='word_image')
    x = image
    for i, (f, pool) in enumerate(((6, (2, 2)), (8, (2, 1)), (10, (2, 1)))):
        x = keras.layers.Conv2D(f, 3, padding='same', use_bias=False, name=f'conv{i}')(x)
        x = keras.layers.MaxPooling2D(pool, name=f'pool{i}')(keras.layers.ReLU(max_value=6.0, name=f'relu{i}')(keras.layers.BatchNormalization(name=f'bn{i}')(x)))
    x = keras.layers.Permute((2, 1, 3), name='width_first')(x)
    x = keras.layers.TimeDistributed(keras.layers.Flatten(), name='columns')(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(10, return_sequences=True), merge_mode='sum', name='context')(x)
    m = keras.Model({'word_image': image}, keras.layers.Dense(9, name='letters')(x))
    m.compile(keras.optimizers.Adam(1e-3, clipnorm=5.0), ctc)
    return m


def sample():
    r = np.random.default_rng(1)
    y = np.zeros((5, 6), 'int32')
    for row, n in zip(y, (6, 4, 5, 3, 6)):
        row[:n] = r.integers(1, 9, n)
    return {'word_image': r.random((5, 16, 48, 1)).astype('float32'), 'y': y}


NOTES = dict(family='ocr', why_hard='labels are shorter than predictions and padded with zeros; the loss makes integer and shape operations of its own', legit_nongradient=[])
