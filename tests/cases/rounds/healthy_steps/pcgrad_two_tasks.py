"""Multi-task with projected gradients: each task's gradient is asked of a persistent tape, None of the other head becomes zero, then they are merged."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='multi-task', why_hard='None gradients replaced by zeros, rightly: each head belongs to one task only', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(15)
    x = keras.Input((10, 10, 2), name='patch')
    h = keras.layers.Conv2D(8, 3, activation='relu', name='trunk1')(x)
    h = keras.layers.Conv2D(8, 3, activation='relu', name='trunk2')(h)
    out = {'depth': keras.layers.Conv2D(1, 1, name='depth')(h),
           'scene': keras.layers.Dense(4, name='scene')(keras.layers.GlobalAveragePooling2D(name='pool')(h))}
    return {'model': keras.Model(x, out, name='scene_net'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(15)
    return {'patch': r.random((6, 10, 10, 2)).astype('float32'), 'depth': r.random((6, 6, 6, 1)).astype('float32'),
            'scene': r.integers(0, 4, 6).astype('int32')}


def models(built):
    return [built['model']]


def dot(a, b):
    return tf.add_n([tf.reduce_sum(x * y) for x, y in zip(a, b)])


def project(g, other):
    overlap = dot(g, other)
    share = tf.where(overlap < 0.0, overlap / (dot(other, other) + 1e-12), 0.0)
    return [x - share * y for x, y in zip(g, other)]


def step(built, sample):
    model = built['model']
    weights = model.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        out = model(sample['patch'], training=True)
        losses = [tf.reduce_mean(tf.abs(out['depth'] - sample['depth'])),
                  tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=sample['scene'], logits=out['scene']))]
    tasks = [[tf.zeros(v.shape) if g is None else g for g, v in zip(tape.gradient(loss, weights), weights)] for loss in losses]
    del tape
    merged = [a + b for a, b in zip(project(tasks[0], tasks[1]), project(tasks[1], tasks[0]))]
    built['optimizer'].apply_gradients(zip(merged, weights))
    return {'depth': losses[0], 'scene': losses[1]}
