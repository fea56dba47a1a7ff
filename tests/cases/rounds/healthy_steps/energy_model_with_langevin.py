"""Energy-based model: Langevin samples from a replay buffer, contrastive divergence, energies kept small."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(11)
    x = keras.Input((4,), name='point')
    h = keras.layers.Dense(16, activation='swish', name='e_a')(x)
    e = keras.Model(x, keras.layers.Dense(1, name='e_out')(keras.layers.Dense(16, activation='swish', name='e_b')(h)), name='energy')
    return {'e': e, 'opt': keras.optimizers.Adam(1e-3), 'buffer': np.random.default_rng(1).normal(size=(12, 4)).astype('float32')}


def sample():
    return {'data': (0.5 * np.random.default_rng(11).normal(size=(12, 4)) + 1).astype('float32')}


def models(built):
    return [built['e']]


def step(built, sample):
    e = built['e']
    x = tf.constant(built['buffer'])
    for _ in range(5):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            total = tf.reduce_sum(e(x, training=False))
        x = x - 0.05 * tape.gradient(total, x) + 0.02 * tf.random.normal(x.shape)
    built['buffer'] = x.numpy()
    with tf.GradientTape() as tape:
        low, high = e(sample['data'], training=True), e(x, training=True)
        loss = tf.reduce_mean(low) - tf.reduce_mean(high) + 0.1 * tf.reduce_mean(tf.square(low) + tf.square(high))
    built['opt'].apply_gradients(zip(tape.gradient(loss, e.trainable_variables), e.trainable_variables))
    return {'loss': loss}
