"""Accumulation in variables inside of a tf.function with a tf.range loop, one update at the end."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((9,), dtype='int32', name='tokens')
    h = keras.layers.Embedding(30, 8, name='emb')(x)
    h = keras.layers.Bidirectional(keras.layers.GRU(8, name='gru'), name='bi')(h)
    net = keras.Model(x, keras.layers.Dense(2, name='out')(h), name='net')
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(net.trainable_variables)
    sums = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in net.trainable_variables]

    @tf.function
    def run(tokens, y):
        for s in sums:
            s.assign(tf.zeros_like(s))
        total = 0.0
        for i in tf.range(4):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y[i], net(tokens[i], training=True))) / 4
            for s, g in zip(sums, tape.gradient(loss, net.trainable_variables)):
                s.assign_add(tf.convert_to_tensor(g))
            total += loss
        optimizer.apply_gradients(zip([s.value() for s in sums], net.trainable_variables))
        return total
    return {'net': net, 'run': run}


def sample():
    r = np.random.default_rng(0)
    return {'tokens': r.integers(0, 30, (4, 8, 9)), 'y': r.integers(0, 2, (4, 8))}


def models(built):
    return [built['net']]


def step(built, sample):
    return built['run'](tf.constant(sample['tokens'], tf.int32), tf.constant(sample['y'], tf.int32))
