"""Gradient accumulation: sums in non-trainable variables, applied and set back to zero after three parts."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(8)
    x = keras.Input((9,), dtype='int32', name='tokens')
    h = keras.layers.Bidirectional(keras.layers.LSTM(6), name='reader')(keras.layers.Embedding(30, 8, name='embedding')(x))
    model = keras.Model(x, keras.layers.Dense(4, name='label')(h))
    sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in model.trainable_variables]
    return {'model': model, 'sums': sums, 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(8)
    return {'tokens': r.integers(0, 30, (12, 9)).astype('int32'), 'y': r.integers(0, 4, 12).astype('int32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model, total = built['model'], 0.0
    for rows in np.split(np.arange(12), 3):
        with tf.GradientTape() as tape:
            logits = model(sample['tokens'][rows], training=True)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(sample['y'][rows], logits, from_logits=True)) / 3.0
        for s, g in zip(built['sums'], tape.gradient(loss, model.trainable_variables)):
            s.assign_add(tf.convert_to_tensor(g))
        total += float(loss)
    built['opt'].apply_gradients(zip(built['sums'], model.trainable_variables))
    for s in built['sums']:
        s.assign(tf.zeros_like(s))
    return {'loss': total}
