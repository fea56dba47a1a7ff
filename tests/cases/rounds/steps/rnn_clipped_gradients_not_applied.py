"""Forecasting RNN: the gradients are clipped to a global norm, and the unclipped ones are applied."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((40, 3), name='series')
    h = keras.layers.SimpleRNN(16, activation='relu', recurrent_initializer=keras.initializers.Orthogonal(1.5), name='rnn')(x)
    net = keras.Model(x, keras.layers.Dense(1, name='forecast')(h), name='forecaster')
    return {'net': net, 'optimizer': keras.optimizers.SGD(0.01)}


def sample():
    r = np.random.default_rng(0)
    return {'series': r.normal(size=(8, 40, 3)).astype('float32'), 'y': r.normal(size=(8, 1)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(sample['y'] - net(sample['series'], training=True)))
    grads_and_vars = list(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    clipped, norm = tf.clip_by_global_norm([g for g, _ in grads_and_vars], 1.0)
    built['optimizer'].apply_gradients(grads_and_vars)
    return {'loss': loss, 'norm': norm}


def fixed_step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(sample['y'] - net(sample['series'], training=True)))
    bounded, norm = tf.clip_by_global_norm(tape.gradient(loss, net.trainable_variables), 1.0)
    built['optimizer'].apply_gradients(zip(bounded, net.trainable_variables))
    return {'loss': loss, 'norm': norm}


EXPECT = {
    'source': 'https://github.com/microsoft/tf2-gnn/pull/23',
    'title': 'Fix gradient clipping', 'source_kind': 'variant', 'category': 'other',
    'culprit': {'input': None, 'variable': 'rnn', 'layer': None, 'op': None, 'line': "built['optimizer'].apply_gradients(grads_and_vars)"},
    'why': 'The clipped list is dropped; the first updates are far larger than the clip norm allows and the network blows up.',
    'fix': 'Apply the clipped gradients.',
    'also': [{'variable': None, 'line': 'clipped, norm = tf.clip_by_global_norm([g for g, _ in grads_and_vars], 1.0)'}, {'variable': None, 'line': "built['optimizer'].apply_gradients(grads_and_vars)"},
             {'layer': 'rnn', 'variable': None, 'line': None}, {'variable': None, 'line': 'grads_and_vars = list(zip(tape.gradient(loss'}],
}
