"""Multi-GPU towers: the mean over the towers has no axis, each variable gets a single number."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(19)
    x = keras.Input((10,), name='x')
    h = keras.layers.Dense(12, activation='relu', name='fc1')(x)
    net = keras.Model(x, keras.layers.Dense(3, name='fc2')(h), name='classifier')
    return {'net': net, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(19)
    return {'x': r.normal(size=(16, 10)).astype('float32'), 'y': r.integers(0, 3, 16).astype('int32')}


def models(built):
    return [built['net']]


def average_gradients(tower_gradients):
    averaged = []
    for per_variable in zip(*tower_gradients):
        averaged.append(tf.reduce_mean(tf.stack(per_variable)))
    return averaged


def average_gradients_mended(tower_gradients):
    return [tf.reduce_mean(tf.stack(per_variable), axis=0) for per_variable in zip(*tower_gradients)]


def tower(net, x, y, replicas):
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, net(x, training=True))
        loss = tf.reduce_mean(losses)
    return loss, tape.gradient(loss, net.trainable_variables)


def train(built, sample, average, replicas=2):
    net = built['net']
    shards = zip(np.split(sample['x'], replicas), np.split(sample['y'], replicas))
    losses, tower_gradients = zip(*[tower(net, x, y, replicas) for x, y in shards])
    built['optimizer'].apply_gradients(zip(average(tower_gradients), net.trainable_variables))
    return tf.reduce_mean(losses)


def step(built, sample):
    return train(built, sample, average_gradients)


def fixed_step(built, sample):
    return train(built, sample, average_gradients_mended)


EXPECT = {
    'source': None, 'title': 'Gradients of the towers are averaged over all axes',
    'source_kind': 'own', 'category': 'shape_mismatch',
    'culprit': {'input': None, 'variable': 'fc1/kernel', 'layer': None, 'op': 'Mean', 'line': 'averaged.append(tf.reduce_mean(tf.stack(per_variable)))'},
    'why': 'The optimizer broadcasts the scalar: all elements of a variable move by the same amount.',
    'fix': 'axis=0.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'tf.reduce_mean(tf.stack(per_variable))'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "built['optimizer'].apply_gradients(zip(average(tower_gradients), net.trainable_variables))"}],
}
