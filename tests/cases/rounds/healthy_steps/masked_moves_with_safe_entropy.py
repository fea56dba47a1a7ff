"""Actor-critic for a board game: forbidden moves masked with a finite number, entropy over the legal ones."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(7)
    board = keras.Input((3, 3, 2), name='board')
    x = keras.layers.Flatten()(keras.layers.Conv2D(8, 2, activation='elu', name='stem')(board))
    return {'net': keras.Model({'board': board}, [keras.layers.Dense(9, name='policy')(x), keras.layers.Dense(1, activation='tanh', name='value')(x)]),
            'optimizer': keras.optimizers.Adam(1e-3, global_clipnorm=0.5)}


def sample():
    r = np.random.default_rng(7)
    legal = r.uniform(size=(8, 9)) > 0.4
    legal[:, 2] = True
    return {'board': r.integers(0, 2, (8, 3, 3, 2)).astype('float32'), 'legal': legal, 'move': np.full(8, 2, 'int32'), 'return': r.uniform(-1, 1, 8).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        scores, value = net({'board': sample['board']}, training=True)
        log_p = tf.nn.log_softmax(tf.where(sample['legal'], scores, tf.float32.min / 2))
        p = tf.exp(log_p)
        entropy = -tf.reduce_sum(tf.where(sample['legal'], p * tf.where(sample['legal'], log_p, 0.0), 0.0), -1)
        advantage = sample['return'] - tf.squeeze(value, -1)
        loss = tf.reduce_mean(tf.square(advantage) - tf.stop_gradient(advantage) * tf.gather(log_p, sample['move'], batch_dims=1) - 0.01 * entropy)
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}
