"""Gradient descent with an Armijo line search: the loss is evaluated outside of the tape at trial points that are assigned and taken back."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(11)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(7, 'softplus', name='h'), keras.layers.Dense(1, name='o')], name='regressor')


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(12, 5)).astype('float32'), 'y': r.normal(size=(12, 1)).astype('float32')}


def models(built):
    return [built]


def objective(net, sample):
    return tf.reduce_mean(tf.square(net(sample['x'], training=True) - sample['y'])) + 1e-3 * tf.add_n([tf.nn.l2_loss(v) for v in net.trainable_variables])


def step(built, sample, rate=4.0, slope=1e-2):
    weights = built.trainable_variables
    with tf.GradientTape() as tape:
        loss = objective(built, sample)
    gradients = tape.gradient(loss, weights)
    decrease = sum(float(tf.reduce_sum(tf.square(g))) for g in gradients)
    start = [tf.identity(tf.convert_to_tensor(v)) for v in weights]
    for _ in range(25):
        for v, s, g in zip(weights, start, gradients):
            v.assign(s - rate * g)
        if float(objective(built, sample)) <= float(loss) - slope * rate * decrease:
            break
        rate *= 0.5
    return {'loss': loss, 'rate': tf.constant(rate)}
