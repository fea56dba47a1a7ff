"""Recurrent attention with REINFORCE on the place of the next glimpse."""
import numpy as np
import tensorflow as tf
import keras


SIGMA = 0.2


def build():
    keras.utils.set_random_seed(10)
    patch, place = keras.Input((4, 4, 1), name='patch'), keras.Input((2,), name='place')
    x = keras.layers.Concatenate()([keras.layers.Flatten()(patch), place])
    glimpse = keras.Model({'patch': patch, 'place': place}, keras.layers.Dense(12, activation='tanh', name='state')(x), name='glimpse')
    state = keras.Input((12,), name='state_in')
    locator = keras.Model({'state_in': state}, keras.layers.Dense(2, activation='tanh', name='where')(state), name='locator')
    answer = keras.Model({'state_in': state}, keras.layers.Dense(3, name='digit')(state), name='answer')
    return {'glimpse': glimpse, 'locator': locator, 'answer': answer, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(10)
    return {'image': r.uniform(size=(8, 10, 10, 1)).astype('float32'), 'y': r.integers(0, 3, 8).astype('int32')}


def models(built):
    return [built['glimpse'], built['locator'], built['answer']]


def look(image, place):
    return tf.image.extract_glimpse(image, (4, 4), tf.stop_gradient(place))


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    place, log_pi = tf.zeros((8, 2)), []
    with tf.GradientTape() as tape:
        for t in range(3):
            state = built['glimpse']({'patch': look(sample['image'], place), 'place': place}, training=True)
            mean = tf.stop_gradient(built['locator']({'state_in': tf.stop_gradient(state)}, training=True))
            place = tf.stop_gradient(mean + SIGMA * tf.random.stateless_normal((8, 2), (t, 1)))
            log_pi.append(-0.5 * tf.reduce_sum(tf.square((place - mean) / SIGMA), -1))
        logits = built['answer']({'state_in': state}, training=True)
        error = tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)
        reward = tf.stop_gradient(-error)
        loss = tf.reduce_mean(error - (reward - tf.reduce_mean(reward)) * tf.add_n(log_pi))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


def fixed_step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    place, log_pi = tf.zeros((8, 2)), []
    with tf.GradientTape() as tape:
        for t in range(3):
            state = built['glimpse']({'patch': look(sample['image'], place), 'place': place}, training=True)
            mean = built['locator']({'state_in': tf.stop_gradient(state)}, training=True)
            place = tf.stop_gradient(mean + SIGMA * tf.random.stateless_normal((8, 2), (t, 1)))
            log_pi.append(-0.5 * tf.reduce_sum(tf.square((place - mean) / SIGMA), -1))
        logits = built['answer']({'state_in': state}, training=True)
        error = tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)
        reward = tf.stop_gradient(-error)
        loss = tf.reduce_mean(error - (reward - tf.reduce_mean(reward)) * tf.add_n(log_pi))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


EXPECT = {
    'source': 'https://github.com/hehefan/Recurrent-Attention-Model/issues/2',
    'title': 'Zero gradients in LocationNetwork',
    'source_kind': 'report',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'where', 'layer': None, 'op': 'StopGradient',
                'line': "mean = tf.stop_gradient(built['locator']({'state_in': tf.stop_gradient(state)}, training=True))"},
    'why': 'The mean of the location is stopped as well as its sample, so the score function has no gradient for the locator.',
    'fix': 'Stop only the sample.',
    'also': [{'input': None, 'variable': 'where', 'layer': None, 'op': None, 'line': "mean = tf.stop_gradient(built['locator']"}],
    'symptom': [('grad', 'where/kernel', 'none')],
}
