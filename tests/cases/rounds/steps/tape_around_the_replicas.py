"""MirroredStrategy: the tape is opened around strategy.run, whose replica threads it does not see."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    strategy = tf.distribute.MirroredStrategy(['/cpu:0'])
    with strategy.scope():
        x = keras.Input((14, 5), name='sensor')
        h = keras.layers.Conv1D(8, 3, activation='relu', name='sensor_conv')(x)
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
    net, strategy = built['net'], built['strategy']

    def forward(x, y):
        return tf.reduce_sum((net(x, training=True) - y) ** 2) / 8.0
    with tf.GradientTape() as tape:
        per_replica = strategy.run(forward, args=(tf.constant(sample['sensor']), tf.constant(sample['y'])))
        loss = strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    net, strategy = built['net'], built['strategy']

    def replica(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((net(x, training=True) - y) ** 2) / 8.0
        grads = tape.gradient(loss, net.trainable_variables)
        built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
        return loss
    per_replica = strategy.run(replica, args=(tf.constant(sample['sensor']), tf.constant(sample['y'])))
    return {'loss': strategy.reduce(tf.distribute.ReduceOp.SUM, per_replica, axis=None)}


LINE = "per_replica = strategy.run(forward, args=(tf.constant(sample['sensor']), tf.constant(sample['y'])))"
EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/36392',
    'title': 'The gradient tape lies outside of the replica context',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': LINE},
    'why': 'Tapes belong to a thread; the replicas run in threads of their own, so the outer tape records nothing and every gradient is None.',
    'fix': 'Open the tape, ask for the gradients and apply them in the function that strategy.run is given.',
}
EXPECT['also'] = [{'variable': 'sensor_', 'line': LINE}, {'line': 'with tf.GradientTape() as tape:'}, {'line': 'grads = tape.gradient(loss, net.trainable_variables)'},
                  {'variable': 'sensor_', 'line': 'with tf.GradientTape() as tape:'}, {'variable': 'sensor_', 'line': 'grads = tape.gradient(loss, net.trainable_variables)'},
                  {'variable': 'sensor_', 'line': 'return tf.reduce_sum((net(x, training=True) - y) ** 2) / 8.0'}]
