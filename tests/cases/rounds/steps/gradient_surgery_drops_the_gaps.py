"""Gradient surgery for two heads: missing gradients are dropped from each task's list, which shifts the pairs, and one head is never trained."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((12, 12, 3), name='image')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='shared_conv')(x)
    h = keras.layers.Flatten(name='shared_flat')(h)
    h = keras.layers.Dense(12, activation='relu', name='shared_dense')(h)
    net = keras.Model(x, [keras.layers.Dense(1, name='depth_head')(h), keras.layers.Dense(1, name='age_head')(h)], name='net')
    return {'net': net, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(8, 12, 12, 3)).astype('float32'), 'y:depth': r.normal(size=(8, 1)).astype('float32'),
            'y:age': r.normal(size=(8, 1)).astype('float32')}


def models(built):
    return [built['net']]


def project(first, second):
    a, b = (tf.concat([tf.reshape(g, [-1]) for g in grads], axis=0) for grads in (first, second))
    dot = tf.reduce_sum(a * b)
    merged = a + b - tf.minimum(dot, 0.0) * (b / tf.reduce_sum(b * b) + a / tf.reduce_sum(a * a))
    parts = tf.split(merged, [int(np.prod(g.shape)) for g in first])
    return [tf.reshape(p, g.shape) for p, g in zip(parts, first)]


def step(built, sample):
    net = built['net']
    variables = net.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        depth, age = net(sample['image'], training=True)
        losses = [tf.reduce_mean((depth - sample['y:depth']) ** 2), tf.reduce_mean(tf.abs(age - sample['y:age']))]
    per_task = []
    for loss in losses:
        per_task.append([g for g in tape.gradient(loss, variables) if g is not None])
    del tape
    grads = project(*per_task)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'depth': losses[0], 'age': losses[1]}


def fixed_step(built, sample):
    net = built['net']
    variables = net.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        depth, age = net(sample['image'], training=True)
        losses = [tf.reduce_mean((depth - sample['y:depth']) ** 2), tf.reduce_mean(tf.abs(age - sample['y:age']))]
    per_task = []
    for loss in losses:
        per_task.append([tf.zeros(v.shape) if g is None else g for g, v in zip(tape.gradient(loss, variables), variables)])
    del tape
    grads = project(*per_task)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'depth': losses[0], 'age': losses[1]}


LINE = 'per_task.append([g for g in tape.gradient(loss, variables) if g is not None])'
EXPECT = {
    'source': 'https://github.com/tianheyu927/PCGrad/issues/7',
    'title': 'Problems related to new compute_gradients function (... for grad in tf.gradients(x, var_list) if grad is not None)',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'age_head/kernel', 'layer': None, 'op': None, 'line': LINE},
    'why': "Each task has no gradient for the other's head; without the gaps both lists end with a head's gradients, which are summed onto depth_head, and zip ends before age_head.",
    'fix': 'Keep the positions: zeros for the unconnected variables.',
    'symptom': [('unmoved', 'age_head')],
}
EXPECT['also'] = [{'variable': 'age_head', 'line': LINE}, {'variable': 'age_head', 'line': "built['optimizer'].apply_gradients(zip(grads, variables))"},
                  {'variable': 'depth_head', 'line': LINE}, {'variable': 'age_head', 'line': 'grads = project(*per_task)'}, {'layer': 'age_head', 'line': LINE}]
