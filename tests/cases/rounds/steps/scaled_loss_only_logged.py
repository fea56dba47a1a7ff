"""The loss is scaled for float16, but the tape is asked for the gradient of the loss before scaling."""
import numpy as np
import tensorflow as tf
import keras
import logging


def build():
    keras.utils.set_random_seed(5)
    x = keras.Input((16,), name='x')
    h = keras.layers.Dense(32, activation='relu', dtype='mixed_float16', name='wide')(x)
    h = keras.layers.Dense(16, activation='relu', dtype='mixed_float16', name='narrow')(h)
    net = keras.Model(x, keras.layers.Dense(4, dtype='float32', name='logits')(h), name='classifier')
    return {'net': net, 'optimizer': keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.05, momentum=0.9), initial_scale=2. ** 12)}


def sample():
    r = np.random.default_rng(5)
    return {'x': r.normal(size=(16, 16)).astype('float32'), 'y': r.integers(0, 4, 16).astype('int32')}


def models(built):
    return [built['net']]


def forward(net, batch):
    logits = net(batch['x'], training=True)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(batch['y'], logits))


def step(built, sample):
    net, optimizer = built['net'], built['optimizer']
    with tf.GradientTape() as tape:
        loss = forward(net, sample)
        scaled = optimizer.scale_loss(loss)
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    logging.getLogger('train').debug('loss %.4f scaled %.1f', float(loss), float(scaled))
    return loss


def fixed_step(built, sample):
    net, optimizer = built['net'], built['optimizer']
    with tf.GradientTape() as tape:
        loss = forward(net, sample)
        scaled = optimizer.scale_loss(loss)
    scaled_gradients = tape.gradient(scaled, net.trainable_variables)
    optimizer.apply_gradients(zip(scaled_gradients, net.trainable_variables))
    logging.getLogger('train').debug('loss %.4f scaled %.1f', float(loss), float(scaled))
    return loss


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/19479',
    'title': 'Using LossScaleOptimizer in a custom loop with Keras 3',
    'source_kind': 'variant', 'category': 'other',
    'culprit': {'input': None, 'variable': 'wide/kernel', 'layer': None, 'op': None, 'line': 'gradients = tape.gradient(loss, net.trainable_variables)'},
    'why': 'apply_gradients divides by the scale: the updates are 4096 times too small.',
    'fix': 'Ask for the gradient of the scaled loss.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'scaled = optimizer.scale_loss(loss)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'optimizer.apply_gradients(zip(gradients, net.trainable_variables))'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'loss = forward(net, sample)'}],
}
