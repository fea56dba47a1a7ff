"""Hamiltonian network: time derivatives from the slopes of a scalar, nested tapes."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(12)
    s = keras.Input((4,), name='qp')
    h = keras.layers.Dense(24, activation='tanh', name='h_a')(s)
    model = keras.Model(s, keras.layers.Dense(1, use_bias=False, name='h_out')(keras.layers.Dense(24, activation='tanh', name='h_b')(h)))
    return {'model': model, 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(12)
    s = r.normal(size=(20, 4))
    return {'state': s.astype('float32'), 'rate': np.concatenate([s[:, 2:], -np.sin(s[:, :2])], axis=1).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    state = tf.constant(sample['state'])
    with tf.GradientTape() as tape:
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(state)
            energy = model(state, training=True)
        dq, dp = tf.split(inner.gradient(energy, state), 2, axis=1)
        loss = tf.reduce_mean(tf.square(tf.concat([dp, -dq], axis=1) - sample['rate']))
    grads = tape.gradient(loss, model.trainable_variables)
    built['opt'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}
