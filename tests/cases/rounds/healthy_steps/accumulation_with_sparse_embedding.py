"""Gradient accumulation over four micro-batches in tf.Variables; the embedding gives IndexedSlices; one tf.function."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(104)
    t = keras.Input((6,), dtype='int32', name='tokens')
    h = keras.layers.Embedding(12, 8, name='table')(t)
    h = keras.layers.Conv1D(10, 3, activation='relu', name='conv')(h)
    h = keras.layers.GlobalMaxPooling1D(name='pool')(h)
    net = keras.Model(t, keras.layers.Dense(3, name='out')(h), name='textcnn')
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(net.trainable_variables)
    return {'net': net, 'optimizer': optimizer}


def sample():
    r = np.random.default_rng(104)
    return {'tokens': r.integers(0, 12, (16, 6)).astype('int32'), 'y': r.integers(0, 3, 16).astype('int32')}


def models(built):
    return [built['net']]


class Accumulator:
    def __init__(self, net, optimizer, every=4):
        self.net, self.optimizer, self.every = net, optimizer, every
        self.sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in net.trainable_variables]

    @tf.function
    def micro_step(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, self.net(x, training=True)))
            scaled = loss / self.every
        for total, g in zip(self.sums, tape.gradient(scaled, self.net.trainable_variables)):
            total.assign_add(tf.convert_to_tensor(g))
        return loss

    @tf.function
    def flush(self):
        self.optimizer.apply_gradients(zip([s.read_value() for s in self.sums], self.net.trainable_variables))
        for s in self.sums:
            s.assign(tf.zeros_like(s))


def step(built, sample):
    trainer = Accumulator(**built)
    pieces = zip(np.split(sample['tokens'], trainer.every), np.split(sample['y'], trainer.every))
    losses = [trainer.micro_step(tf.constant(x), tf.constant(y)) for x, y in pieces]
    trainer.flush()
    return tf.reduce_mean(losses)


NOTES = dict(family='text', why_hard='gradients go through non-trainable variables; IndexedSlices', legit_nongradient=[])
