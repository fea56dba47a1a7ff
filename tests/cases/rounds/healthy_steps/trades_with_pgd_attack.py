"""Robust training (TRADES): the attack takes signs of gradients of the input, the loss a KL of both predictions."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(112)
    x = keras.Input((8, 8, 1), name='x')
    h = keras.layers.Conv2D(8, 3, activation='relu', name='conv')(x)
    h = keras.layers.AveragePooling2D(2, name='pool')(h)
    h = keras.layers.Flatten(name='flat')(h)
    return {'net': keras.Model(x, keras.layers.Dense(4, name='logits')(h), name='robust'), 'optimizer': keras.optimizers.SGD(0.05)}


def sample():
    r = np.random.default_rng(112)
    return {'x': r.uniform(size=(8, 8, 8, 1)).astype('float32'), 'y': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['net']]


def kl(p_logits, q_logits):
    p = tf.nn.softmax(p_logits)
    return tf.reduce_mean(tf.reduce_sum(p * (tf.nn.log_softmax(p_logits) - tf.nn.log_softmax(q_logits)), -1))


class PGD:
    def __init__(self, net, eps=0.1, rate=0.04, iterations=3):
        self.net, self.eps, self.rate, self.iterations = net, eps, rate, iterations

    def __call__(self, x):
        clean = tf.stop_gradient(self.net(x, training=False))
        adversarial = x + 0.001 * tf.random.normal(tf.shape(x))
        for _ in range(self.iterations):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(adversarial)
                distance = kl(clean, self.net(adversarial, training=False))
            adversarial = adversarial + self.rate * tf.sign(tape.gradient(distance, adversarial))
            adversarial = tf.clip_by_value(tf.clip_by_value(adversarial, x - self.eps, x + self.eps), 0., 1.)
        return adversarial


def step(built, sample, beta=4.):
    net, x = built['net'], tf.convert_to_tensor(sample['x'])
    adversarial = PGD(net)(x)
    with tf.GradientTape() as tape:
        logits = net(x, training=True)
        natural = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
        robust = kl(logits, net(adversarial, training=True))
        loss = natural + beta * robust
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return {'natural': natural, 'robust': robust}


NOTES = dict(family='adversarial', why_hard='sign of gradients, tapes that watch only the input', legit_nongradient=[])
