"""Data-parallel step: strategy.run with the tape in the replica, losses scaled by the global batch, metrics reduced outside."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    strategy = tf.distribute.MirroredStrategy(['/cpu:0'])
    with strategy.scope():
        x = keras.Input((14, 5), name='sensor')
        h = keras.layers.Conv1D(8, 3, activation='relu', kernel_regularizer=keras.regularizers.L2(1e-3), name='sensor_conv')(x)
        h = keras.layers.GlobalMaxPooling1D(name='sensor_pool')(h)
        net = keras.Model(x, keras.layers.Dense(1, name='sensor_out')(h), name='sensor_net')
        optimizer = keras.optimizers.SGD(0.05)
        optimizer.build(net.trainable_variables)
    return {'strategy': strategy, 'net': net, 'optimizer': optimizer}


def sample():
    r = np.random.default_rng(0)
    return {'sensor': r.normal(size=(8, 14, 5)).astype('float32'), 'y': r.normal(size=(8, 1)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net, optimizer, strategy = built['net'], built['optimizer'], built['strategy']

    def replica(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((net(x, training=True) - y) ** 2) / 8.0
            loss += tf.add_n(net.losses) / strategy.num_replicas_in_sync
        optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
        return loss
    per_replica = strategy.run(replica, args=(tf.constant(sample['sensor']), tf.constant(sample['y'])))
    return {'loss': strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)}
