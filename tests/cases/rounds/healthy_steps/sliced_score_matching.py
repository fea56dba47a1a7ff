"""Energy-based model by sliced score matching: the score is a gradient with respect to the data, its projection is differentiated again."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((3,), name='point')
    h = keras.layers.Dense(24, activation='softplus', name='energy_hidden')(x)
    h = keras.layers.Dense(24, activation='softplus', name='energy_hidden2')(h)
    net = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='energy_out')(h), name='energy')
    return {'net': net, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'point': (r.normal(size=(32, 3)) * [1.0, 0.5, 2.0]).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    x = tf.constant(sample['point'])
    v = tf.sign(tf.random.normal(x.shape))
    with tf.GradientTape() as tape:
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                log_density = -tf.reduce_sum(net(x, training=True))
            score = first.gradient(log_density, x)
            along = tf.reduce_sum(score * v)
        trace = tf.reduce_sum(second.gradient(along, x) * v, axis=-1)
        loss = tf.reduce_mean(trace + 0.5 * tf.reduce_sum(score ** 2, axis=-1))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return {'loss': loss}
