"""Multi-task with gradient surgery (PCGrad): a persistent tape is asked per task; heads get None from the other task, by design."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(118)
    x = keras.Input((11,), name='x')
    h = keras.layers.Dense(20, activation='relu', name='trunk1')(x)
    h = keras.layers.Dense(20, activation='relu', name='trunk2')(h)
    net = keras.Model(x, [keras.layers.Dense(1, name='price')(h), keras.layers.Dense(3, name='kind')(h)], name='multitask')
    return {'net': net, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(118)
    return {'x': r.normal(size=(12, 11)).astype('float32'), 'price': r.normal(size=(12, 1)).astype('float32'), 'kind': r.integers(0, 3, 12).astype('int32')}


def models(built):
    return [built['net']]


def flatten(gradients, weights):
    return tf.concat([tf.reshape(tf.zeros_like(w) if g is None else g, [-1]) for g, w in zip(gradients, weights)], 0)


def unflatten(vector, weights):
    pieces = tf.split(vector, [int(np.prod(w.shape)) for w in weights])
    return [tf.reshape(p, w.shape) for p, w in zip(pieces, weights)]


def project_conflicts(vectors):
    out = []
    for i, g in enumerate(vectors):
        for j, other in enumerate(vectors):
            if i != j:
                dot = tf.tensordot(g, other, 1)
                g = g - tf.minimum(dot, 0.) / (tf.tensordot(other, other, 1) + 1e-12) * other
        out.append(g)
    return tf.add_n(out)


def step(built, sample):
    net = built['net']
    weights = net.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        price, kind = net(sample['x'], training=True)
        tasks = {'price': tf.reduce_mean(tf.square(price - sample['price'])),
                 'kind': tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['kind'], kind))}
    vectors = [flatten(tape.gradient(loss, weights), weights) for loss in tasks.values()]
    del tape
    built['optimizer'].apply_gradients(zip(unflatten(project_conflicts(vectors), weights), weights))
    return {k: float(v) for k, v in tasks.items()}


NOTES = dict(family='multi-task', why_hard='None gradients of the other head are filled with zeros, by design', legit_nongradient=[])
