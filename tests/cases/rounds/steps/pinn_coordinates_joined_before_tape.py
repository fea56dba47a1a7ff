"""Heat equation PINN: x and t are joined before the tapes watch them; unconnected_gradients='zero' hides that the derivatives are missing."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(15)
    xt = keras.Input((2,), name='xt')
    h = keras.layers.Dense(16, activation='tanh', name='fc1')(xt)
    h = keras.layers.Dense(16, activation='tanh', name='fc2')(h)
    model = keras.Model(xt, keras.layers.Dense(1, name='u')(h), name='heat')
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3), 'nu': 0.1}


def sample():
    r = np.random.default_rng(15)
    x0 = r.random((20, 1))
    return {'x': r.random((40, 1)).astype('float32'), 't': r.random((40, 1)).astype('float32'),
            'x_initial': x0.astype('float32'), 'u_initial': np.sin(np.pi * x0).astype('float32')}


def models(built):
    return [built['model']]


def residual(model, x, t, nu):
    x, t = tf.convert_to_tensor(x), tf.convert_to_tensor(t)
    xt = tf.concat([x, t], axis=1)
    with tf.GradientTape() as second:
        second.watch(x)
        with tf.GradientTape(persistent=True) as first:
            first.watch([x, t])
            u = model(xt, training=True)
        u_t = first.gradient(u, t, unconnected_gradients='zero')
        u_x = first.gradient(u, x, unconnected_gradients='zero')
    u_xx = second.gradient(u_x, x, unconnected_gradients='zero')
    return u_t - nu * u_xx


def residual_joined_inside(model, x, t, nu):
    x, t = tf.convert_to_tensor(x), tf.convert_to_tensor(t)
    with tf.GradientTape() as second:
        second.watch(x)
        with tf.GradientTape(persistent=True) as first:
            first.watch([x, t])
            u = model(tf.concat([x, t], axis=1), training=True)
        u_t = first.gradient(u, t)
        u_x = first.gradient(u, x)
    return u_t - nu * second.gradient(u_x, x)


def update(built, sample, equation):
    model = built['model']
    initial = np.concatenate([sample['x_initial'], np.zeros_like(sample['x_initial'])], 1)
    with tf.GradientTape() as tape:
        physics = tf.reduce_mean(tf.square(equation(model, sample['x'], sample['t'], built['nu'])))
        data = tf.reduce_mean(tf.square(model(initial, training=True) - sample['u_initial']))
        loss = data + physics
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return {'data': data, 'physics': physics}


def step(built, sample):
    return update(built, sample, residual)


def fixed_step(built, sample):
    return update(built, sample, residual_joined_inside)


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/37726',
    'title': 'Gradients do not exist for variables after tf.concat().',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': 't', 'variable': None, 'layer': None, 'op': None, 'line': 'xt = tf.concat([x, t], axis=1)'},
    'why': 'The concat is not on the tapes, so u does not depend on x or t for them; the zeros make the residual 0 and the physics is never learned.',
    'fix': 'Join the coordinates inside of both tapes, and leave unconnected_gradients at its default.',
    'symptom': [('custom', 'physics loss is exactly zero')],
    'also': [
        {'input': 'x', 'line': 'xt = tf.concat([x, t], axis=1)'},
        {'input': None, 'line': 'xt = tf.concat([x, t], axis=1)'},
        {'input': None, 'line': "u_t = first.gradient(u, t, unconnected_gradients='zero')"},
        {'input': None, 'line': "u_x = first.gradient(u, x, unconnected_gradients='zero')"},
        {'input': None, 'line': "u_xx = second.gradient(u_x, x, unconnected_gradients='zero')"},
        {'input': None, 'line': 'first.watch([x, t])'},
        {'input': None, 'line': 'u = model(xt, training=True)'},
    ],
}
