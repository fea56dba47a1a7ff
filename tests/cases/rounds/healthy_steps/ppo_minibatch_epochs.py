"""PPO: stored log probabilities, clipping of the ratio, entropy bonus, several epochs, global norm clipping, shared trunk."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((6,), name='s')
    h = keras.layers.Dense(32, activation='tanh', name='trunk')(s)
    return {'net': keras.Model(s, [keras.layers.Dense(3, name='pi')(h), keras.layers.Dense(1, name='v')(h)], name='agent'), 'opt': keras.optimizers.Adam(3e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'s': r.normal(size=(32, 6)).astype('float32'), 'a': r.integers(0, 3, 32), 'ret': r.normal(size=32).astype('float32')}


def models(built):
    return [built['net']]


def log_probs(logits, a):
    return tf.gather(tf.nn.log_softmax(logits), a, axis=1, batch_dims=1)


def step(built, sample):
    net, a = built['net'], tf.constant(sample['a'])
    logits, v = net.predict_on_batch(sample['s'])
    old = log_probs(logits, a)
    adv = sample['ret'] - v[:, 0]
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    order = np.random.default_rng(1).permutation(32)
    for _ in range(2):
        for rows in np.split(order, 2):
            with tf.GradientTape() as tape:
                logits, v = net(sample['s'][rows], training=True)
                ratio = tf.exp(log_probs(logits, tf.gather(a, rows)) - tf.gather(old, rows))
                surrogate = tf.minimum(ratio * adv[rows], tf.clip_by_value(ratio, 0.8, 1.2) * adv[rows])
                p = tf.nn.softmax(logits)
                entropy = -tf.reduce_sum(p * tf.math.log(p), -1)
                loss = -tf.reduce_mean(surrogate + 0.01 * entropy) + 0.5 * tf.reduce_mean((sample['ret'][rows] - v[:, 0]) ** 2)
            grads, _ = tf.clip_by_global_norm(tape.gradient(loss, net.trainable_variables), 0.5)
            built['opt'].apply_gradients(zip(grads, net.trainable_variables))
    return loss
