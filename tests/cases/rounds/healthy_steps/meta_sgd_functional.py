"""Meta-learning: learned inner learning rates and functional fast weights (second order)."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, activation='tanh', name='a'), keras.layers.Dense(1, name='b')])
    rates = [tf.Variable(0.05 * tf.ones_like(v), name=f'rate{i}') for i, v in enumerate(model.trainable_variables)]
    return {'model': model, 'rates': rates, 'opt': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(2)
    x = r.uniform(-3, 3, (2, 2, 8, 1))
    return {'x': x.astype('float32'), 'y': np.sin(x + r.uniform(0, 3, (2, 1, 1, 1))).astype('float32')}


def models(built):
    return [built['model']]


def forward(weights, x):
    w, b, v, c = weights
    return tf.matmul(tf.tanh(tf.matmul(x, w) + b), v) + c


def step(built, sample):
    variables = built['model'].trainable_variables + built['rates']
    with tf.GradientTape() as outer:
        loss = 0.0
        slow = [tf.convert_to_tensor(v) for v in built['model'].trainable_variables]
        for x, y in zip(sample['x'], sample['y']):
            with tf.GradientTape() as inner:
                inner.watch(slow)
                support = tf.reduce_mean(tf.square(forward(slow, x[0]) - y[0]))
            slopes = inner.gradient(support, slow)
            fast = [v - r * g for v, r, g in zip(slow, built['rates'], slopes)]
            loss += tf.reduce_mean(tf.square(forward(fast, x[1]) - y[1])) / len(sample['x'])
    built['opt'].apply_gradients(zip(outer.gradient(loss, variables), variables))
    return {'loss': loss}
