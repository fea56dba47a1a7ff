"""Neural ODE in a tf.function: fourth-order Runge-Kutta in a tf.range loop with a TensorArray of observations, gradients through the loop."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((3,), name='state_and_time')
    h = keras.layers.Dense(16, activation='tanh', name='field_hidden')(s)
    field = keras.Model(s, keras.layers.Dense(2, name='field_out')(h), name='field')
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(field.trainable_variables)
    return {'field': field, 'optimizer': optimizer}


def sample():
    t = np.linspace(0, 1.4, 8, dtype='float32')
    phase = np.random.default_rng(0).uniform(0, 6, size=(5, 1)).astype('float32')
    path = np.stack([np.cos(t + phase), np.sin(t + phase)], axis=-1)
    return {'start': path[:, 0], 'path': path.transpose(1, 0, 2)}


def models(built):
    return [built['field']]


def step(built, sample):
    field, optimizer = built['field'], built['optimizer']

    def slope(x, t):
        return field(tf.concat([x, tf.fill([tf.shape(x)[0], 1], t)], axis=-1), training=True)

    @tf.function
    def train(start, path):
        dt = 0.2
        with tf.GradientTape() as tape:
            x = start
            seen = tf.TensorArray(tf.float32, size=8, clear_after_read=False).write(0, x)
            for i in tf.range(1, 8):
                t = tf.cast(i - 1, tf.float32) * dt
                k1 = slope(x, t)
                k2 = slope(x + 0.5 * dt * k1, t + 0.5 * dt)
                k3 = slope(x + 0.5 * dt * k2, t + 0.5 * dt)
                k4 = slope(x + dt * k3, t + dt)
                x = x + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
                seen = seen.write(i, x)
            loss = tf.reduce_mean((seen.stack() - path) ** 2)
        optimizer.apply_gradients(zip(tape.gradient(loss, field.trainable_variables), field.trainable_variables))
        return loss
    return {'loss': train(tf.constant(sample['start']), tf.constant(sample['path']))}
