"""Data parallel by hand: gradients of uneven shards, averaged with the sizes as weights, clipped, applied once."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(106)
    x = keras.Input((6, 6, 2), name='x')
    h = keras.layers.SeparableConv2D(8, 3, activation='relu', name='sep')(x)
    h = keras.layers.GroupNormalization(groups=2, name='gn')(h)
    h = keras.layers.Flatten(name='flat')(h)
    return {'net': keras.Model(x, keras.layers.Dense(4, name='out')(h), name='classifier'), 'optimizer': keras.optimizers.Lion(1e-3)}


def sample():
    r = np.random.default_rng(106)
    return {'x': r.normal(size=(13, 6, 6, 2)).astype('float32'), 'y': r.integers(0, 4, 13).astype('int32')}


def models(built):
    return [built['net']]


def tower(net, x, y, total):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(y, net(x, training=True))) / total
    return loss, tape.gradient(loss, net.trainable_variables)


def all_reduce(per_tower):
    return [tf.add_n(list(gs)) for gs in zip(*per_tower)]


def step(built, sample, replicas=3):
    net, total = built['net'], float(len(sample['x']))
    losses, per_tower = [], []
    for x, y in zip(np.array_split(sample['x'], replicas), np.array_split(sample['y'], replicas)):
        loss, gradients = tower(net, x, y, total)
        losses.append(loss)
        per_tower.append(gradients)
    gradients, norm = tf.clip_by_global_norm(all_reduce(per_tower), 1.)
    built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return {'loss': tf.add_n(losses), 'norm': norm}


NOTES = dict(family='data parallel', why_hard='several tapes for one update', legit_nongradient=[])
