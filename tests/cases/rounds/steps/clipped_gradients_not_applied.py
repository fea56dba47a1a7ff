"""Sequence-to-sequence: the gradients are clipped, but the unclipped ones are given to the optimizer."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(26)
    past = keras.Input((10, 2), name='past')
    known = keras.Input((5, 1), name='known')
    _, state = keras.layers.GRU(8, return_state=True, name='encoder_gru')(past)
    h = keras.layers.GRU(8, return_sequences=True, name='decoder_gru')(known, initial_state=state)
    model = keras.Model({'past': past, 'known': known}, keras.layers.Dense(1, name='load')(h), name='seq2seq')
    return {'model': model, 'optimizer': keras.optimizers.SGD(0.05)}


def sample():
    r = np.random.default_rng(26)
    return {'past': r.normal(size=(8, 10, 2)).astype('float32'), 'known': r.random((8, 5, 1)).astype('float32'),
            'load': (300 + 80 * r.normal(size=(8, 5, 1))).astype('float32')}


def models(built):
    return [built['model']]


mse = keras.losses.MeanSquaredError()


def step(built, sample):
    model, optimizer = built['model'], built['optimizer']
    with tf.GradientTape() as tape:
        pred = model({'past': sample['past'], 'known': sample['known']}, training=True)
        loss = mse(sample['load'], pred)
    grad = tape.gradient(loss, model.trainable_variables)
    clipped_gradients, _ = tf.clip_by_global_norm(grad, 5.0)
    optimizer.apply_gradients(zip(grad, model.trainable_variables))
    return loss


def fixed_step(built, sample):
    model, optimizer = built['model'], built['optimizer']
    with tf.GradientTape() as tape:
        pred = model({'past': sample['past'], 'known': sample['known']}, training=True)
        loss = mse(sample['load'], pred)
    grad = tape.gradient(loss, model.trainable_variables)
    clipped_gradients, _ = tf.clip_by_global_norm(grad, 5.0)
    optimizer.apply_gradients(zip(clipped_gradients, model.trainable_variables))
    return loss


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/27120',
    'title': 'tf.function-decorated function tried to create variables on non-first call (the clipped gradients of the posted step)',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None,
                'line': 'clipped_gradients, _ = tf.clip_by_global_norm(grad, 5.0)'},
    'why': 'clipped_gradients is never used; the first update has a norm of hundreds and throws the network out.',
    'fix': 'Apply clipped_gradients.',
    'symptom': [('custom', 'norm of the update over the learning rate is above 5')],
    'also': [
        {'line': 'optimizer.apply_gradients(zip(grad, model.trainable_variables))'},
        {'variable': 'load', 'line': 'optimizer.apply_gradients(zip(grad, model.trainable_variables))'},
        {'variable': 'load', 'line': 'clipped_gradients, _ = tf.clip_by_global_norm(grad, 5.0)'},
        {'line': 'grad = tape.gradient(loss, model.trainable_variables)', 'severity': 'warning'},
    ],
}
