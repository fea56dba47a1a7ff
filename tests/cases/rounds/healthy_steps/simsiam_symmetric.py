"""SimSiam: projections detached, encoder with batch normalization, predictor, cosine loss."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(7)
    x = keras.Input((30, 3), name='imu')
    h = keras.layers.Conv1D(8, 5, strides=2, use_bias=False, name='conv')(x)
    h = keras.layers.Activation('relu', name='relu')(keras.layers.BatchNormalization(name='bn')(h))
    f = keras.Model(x, keras.layers.Dense(8, name='projection')(keras.layers.GlobalAveragePooling1D(name='pool')(h)), name='encoder')
    h = keras.Sequential([keras.Input((8,)), keras.layers.Dense(6, activation='elu', name='p_hidden'), keras.layers.Dense(8, name='p_out')], name='predictor')
    return {'f': f, 'h': h, 'opt': keras.optimizers.SGD(0.05, momentum=0.9)}


def sample():
    r = np.random.default_rng(7)
    x = r.normal(size=(12, 30, 3))
    return {'a': (x + 0.3 * r.normal(size=x.shape)).astype('float32'), 'b': (x * r.uniform(0.7, 1.3, (12, 1, 3))).astype('float32')}


def models(built):
    return [built['f'], built['h']]


def distance(p, z):
    return -tf.reduce_mean(tf.reduce_sum(tf.math.l2_normalize(p, axis=1) * tf.math.l2_normalize(tf.stop_gradient(z), axis=1), axis=1))


def step(built, sample):
    f, h = built['f'], built['h']
    with tf.GradientTape() as tape:
        za, zb = f(sample['a'], training=True), f(sample['b'], training=True)
        loss = 0.5 * distance(h(za, training=True), zb) + 0.5 * distance(h(zb, training=True), za)
    weights = f.trainable_variables + h.trainable_variables
    built['opt'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
