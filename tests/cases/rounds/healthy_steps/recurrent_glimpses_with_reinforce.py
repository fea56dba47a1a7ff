"""Recurrent attention: the place is sampled and stopped, its mean learns by the score function, a baseline by regression."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(6)
    patch, place = keras.Input((4, 4, 1), name='patch'), keras.Input((2,), name='place')
    x = keras.layers.Concatenate()([keras.layers.Flatten()(patch), keras.layers.Dense(4, activation='tanh', name='where_in')(place)])
    glimpse = keras.Model({'patch': patch, 'place': place}, keras.layers.Dense(10, activation='tanh', name='state')(x))
    s = keras.Input((10,), name='s')
    heads = keras.Model({'s': s}, {'mean': keras.layers.Dense(2, activation='tanh', name='where_out')(s), 'digit': keras.layers.Dense(3, name='digit')(s),
                                   'baseline': keras.layers.Dense(1, name='baseline')(s)})
    return {'glimpse': glimpse, 'heads': heads, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(6)
    return {'image': r.uniform(size=(8, 10, 10, 1)).astype('float32'), 'y': r.integers(0, 3, 8).astype('int32')}


def models(built):
    return [built['glimpse'], built['heads']]


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    place, log_pi, baselines = tf.random.stateless_uniform((8, 2), (1, 2), -0.5, 0.5), [], []
    with tf.GradientTape() as tape:
        for t in range(3):
            patch = tf.image.extract_glimpse(sample['image'], (4, 4), place)
            out = built['heads']({'s': built['glimpse']({'patch': patch, 'place': place}, training=True)}, training=True)
            if t < 2:
                place = tf.stop_gradient(out['mean'] + 0.2 * tf.random.stateless_normal((8, 2), (t, 7)))
                log_pi.append(-0.5 * tf.reduce_sum(tf.square((place - out['mean']) / 0.2), -1))
                baselines.append(out['baseline'][:, 0])
        error = tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], out['digit'])
        reward = tf.stop_gradient(tf.cast(tf.argmax(out['digit'], -1, tf.int32) == sample['y'], tf.float32))
        loss = tf.reduce_mean(error)
        for lp, b in zip(log_pi, baselines):
            loss += tf.reduce_mean(tf.square(reward - b) - (reward - tf.stop_gradient(b)) * lp)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}
