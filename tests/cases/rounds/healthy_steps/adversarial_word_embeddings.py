"""Adversarial training of a text classifier: the perturbation is computed on the embeddings by an inner tape and added as a constant."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(10)
    embed = keras.Sequential([keras.Input((7,), dtype='int32'), keras.layers.Embedding(16, 6, name='words')], name='embed')
    body = keras.Sequential([keras.Input((7, 6)), keras.layers.LSTM(8, name='lstm'), keras.layers.Dropout(0.2), keras.layers.Dense(2, name='out')], name='body')
    return {'embed': embed, 'body': body, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'words': r.integers(0, 16, (8, 7)).astype('int32'), 'y': r.integers(0, 2, 8)}


def models(built):
    return [built['embed'], built['body']]


def step(built, sample):
    ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    weights = built['embed'].trainable_variables + built['body'].trainable_variables
    with tf.GradientTape() as tape:
        vectors = built['embed'](sample['words'], training=True)
        with tape.stop_recording():
            frozen = tf.identity(vectors)
            with tf.GradientTape(watch_accessed_variables=False) as inner:
                inner.watch(frozen)
                probe = ce(sample['y'], built['body'](frozen, training=False))
            direction = inner.gradient(probe, frozen)
        noise = 0.5 * tf.stop_gradient(tf.math.l2_normalize(direction, axis=(1, 2)))
        clean = ce(sample['y'], built['body'](vectors, training=True))
        attacked = ce(sample['y'], built['body'](vectors + noise, training=True))
        loss = clean + attacked
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'clean': clean, 'attacked': attacked}
