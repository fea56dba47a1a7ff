"""Bilevel example weighting: the inner step is made of tensors and a stateless call, the outer one trains the weighting network."""
import numpy as np
import tensorflow as tf
import keras


def student(name):
    x = keras.Input((6,), name='features')
    h = keras.layers.Dense(12, activation='tanh', name=f'{name}_hidden')(x)
    return keras.Model(x, keras.layers.Dense(3, name=f'{name}_logits')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    loss = keras.Input((1,), name='loss')
    h = keras.layers.Dense(8, activation='tanh', name='weigher_hidden')(loss)
    weigher = keras.Model(loss, keras.layers.Dense(1, activation='sigmoid', name='weigher_out')(h), name='weigher')
    return {'student': student('student'), 'weigher': weigher, 'meta': keras.optimizers.Adam(1e-3), 'outer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'noisy_x': r.normal(size=(16, 6)).astype('float32'), 'noisy_y': r.integers(0, 3, 16).astype('int32'),
            'clean_x': r.normal(size=(8, 6)).astype('float32'), 'clean_y': r.integers(0, 3, 8).astype('int32')}


def models(built):
    return [built['student'], built['weigher']]


def step(built, sample, rate=0.1):
    net, weigher = built['student'], built['weigher']
    xent = tf.nn.sparse_softmax_cross_entropy_with_logits
    with tf.GradientTape() as meta_tape:
        with tf.GradientTape() as tape:
            losses = xent(sample['noisy_y'], net(sample['noisy_x'], training=True))
            inner = tf.reduce_mean(weigher(tf.stop_gradient(losses)[:, None])[:, 0] * losses)
        moved = [v - rate * g for v, g in zip(net.trainable_variables, tape.gradient(inner, net.trainable_variables))]
        logits, _ = net.stateless_call(moved, net.non_trainable_variables, sample['clean_x'])
        clean = tf.reduce_mean(xent(sample['clean_y'], logits))
    built['meta'].apply_gradients(zip(meta_tape.gradient(clean, weigher.trainable_variables), weigher.trainable_variables))
    with tf.GradientTape() as tape:
        losses = xent(sample['noisy_y'], net(sample['noisy_x'], training=True))
        weights = tf.stop_gradient(weigher(losses[:, None])[:, 0])
        loss = tf.reduce_sum(weights * losses) / (tf.reduce_sum(weights) + 1e-8)
    built['outer'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return {'clean': clean, 'loss': loss}
