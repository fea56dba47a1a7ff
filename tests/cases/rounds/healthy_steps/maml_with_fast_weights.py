"""MAML of second order: fast weights are tensors, the model is called statelessly with them."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(111)
    x = keras.Input((1,), name='x')
    h = keras.layers.Dense(16, activation='tanh', name='h1')(x)
    h = keras.layers.Dense(16, activation='tanh', name='h2')(h)
    return {'net': keras.Model(x, keras.layers.Dense(1, name='out')(h), name='regressor'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(111)
    amplitude, phase = r.uniform(0.5, 2., (3, 1, 1)), r.uniform(0, 3., (3, 1, 1))
    x = r.uniform(-3, 3, (3, 10, 1))
    return {'x': x.astype('float32'), 'y': (amplitude * np.sin(x + phase)).astype('float32')}


def models(built):
    return [built['net']]


def task_loss(net, weights, x, y):
    out, _ = net.stateless_call(weights, [], x, training=True)
    return tf.reduce_mean(tf.square(out - y))


def adapt(net, x, y, inner_steps, lr):
    fast = [tf.convert_to_tensor(v) for v in net.trainable_variables]
    for _ in range(inner_steps):
        with tf.GradientTape() as inner:
            inner.watch(fast)
            loss = task_loss(net, fast, x, y)
        fast = [w - lr * g for w, g in zip(fast, inner.gradient(loss, fast))]
    return fast


def step(built, sample, inner_steps=2, lr=0.05):
    net = built['net']
    with tf.GradientTape() as outer:
        losses = []
        for x, y in zip(sample['x'], sample['y']):
            fast = adapt(net, x[:5], y[:5], inner_steps, lr)
            losses.append(task_loss(net, fast, x[5:], y[5:]))
        meta = tf.reduce_mean(losses)
    gradients = outer.gradient(meta, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return meta


NOTES = dict(family='meta-learning', why_hard='gradients with respect to tensors, second order', legit_nongradient=[])
