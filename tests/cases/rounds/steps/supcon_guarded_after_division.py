"""Supervised contrastive loss: anchors without a positive are masked after the division by zero."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(12)
    x = keras.Input((8, 8, 1), name='x')
    h = keras.layers.Conv2D(8, 3, activation='relu', name='stem')(x)
    h = keras.layers.GlobalAveragePooling2D(name='pool')(h)
    z = keras.layers.Dense(8, name='projection')(h)
    return {'encoder': keras.Model(x, keras.layers.UnitNormalization(name='unit')(z), name='encoder'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(12)
    return {'x': r.normal(size=(7, 8, 8, 1)).astype('float32'), 'y': np.array([0, 0, 1, 1, 2, 3, 3], 'int32')}


def models(built):
    return [built['encoder']]


def pair_terms(z, labels, temperature):
    n = tf.shape(z)[0]
    others = 1. - tf.eye(n)
    positive = tf.cast(labels[:, None] == labels[None, :], tf.float32) * others
    logits = tf.matmul(z, z, transpose_b=True) / temperature
    logits -= tf.stop_gradient(tf.reduce_max(logits, -1, keepdims=True))
    log_p = logits - tf.math.log(tf.reduce_sum(tf.exp(logits) * others, -1, keepdims=True))
    return log_p, positive


def supcon(z, labels, temperature=0.2):
    log_p, positive = pair_terms(z, labels, temperature)
    count = tf.reduce_sum(positive, -1)
    mean_log_p = tf.reduce_sum(log_p * positive, -1) / count
    return -tf.reduce_mean(tf.where(count > 0., mean_log_p, 0.))


def supcon_safe(z, labels, temperature=0.2):
    log_p, positive = pair_terms(z, labels, temperature)
    count = tf.reduce_sum(positive, -1)
    return -tf.reduce_mean(tf.math.divide_no_nan(tf.reduce_sum(log_p * positive, -1), tf.maximum(count, 1.)))


def train(built, sample, criterion):
    net = built['encoder']
    with tf.GradientTape() as tape:
        loss = criterion(net(sample['x'], training=True), tf.convert_to_tensor(sample['y']))
    gradients = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return loss


def step(built, sample):
    return train(built, sample, supcon)


def fixed_step(built, sample):
    return train(built, sample, supcon_safe)


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/38349',
    'title': 'nan gradient when tf.where is used',
    'source_kind': 'variant', 'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'projection/kernel', 'layer': None, 'op': 'RealDiv', 'line': 'mean_log_p = tf.reduce_sum(log_p * positive, -1) / count'},
    'why': 'The gradient of the division by a count of zero is 0 / 0, the mask comes too late.',
    'fix': 'Divide by at least one.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return -tf.reduce_mean(tf.where(count > 0., mean_log_p, 0.))'},
             {'input': None, 'variable': None, 'layer': None, 'op': 'SelectV2', 'line': None},
             {'input': 'y', 'variable': None, 'layer': None, 'op': None, 'line': '/ count'}],
}
