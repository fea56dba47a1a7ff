"""Multi-task: one persistent tape, conflicting gradients projected (PCGrad) for the shared part."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(16)
    x = keras.Input((12, 12, 2), name='image')
    h = keras.layers.GlobalAveragePooling2D(name='pool')(keras.layers.Conv2D(8, 3, activation='relu', name='shared_conv')(x))
    h = keras.layers.Dense(10, activation='relu', name='shared_dense')(h)
    return {'model': keras.Model(x, {'age': keras.layers.Dense(1, name='age')(h), 'sex': keras.layers.Dense(2, name='sex')(h)}), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(16)
    return {'image': r.normal(size=(8, 12, 12, 2)).astype('float32'), 'age': r.normal(size=(8, 1)).astype('float32'), 'sex': r.integers(0, 2, 8).astype('int32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    with tf.GradientTape(persistent=True) as tape:
        out = model(sample['image'], training=True)
        losses = [tf.reduce_mean(tf.square(out['age'] - sample['age'])), tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['sex'], out['sex']))]
        total = losses[0] + losses[1]
    shared = [v for v in model.trainable_variables if 'shared' in v.path]
    heads = [v for v in model.trainable_variables if 'shared' not in v.path]
    flat = [tf.concat([tf.reshape(g, (-1,)) for g in tape.gradient(loss, shared)], axis=0) for loss in losses]
    dot = tf.reduce_sum(flat[0] * flat[1])
    moved = [a - tf.minimum(dot, 0.0) / (tf.reduce_sum(tf.square(b)) + 1e-12) * b for a, b in (flat, flat[::-1])]
    parts = tf.split(moved[0] + moved[1], [int(np.prod(v.shape)) for v in shared])
    head_grads = tape.gradient(total, heads)
    del tape
    pairs = [(tf.reshape(p, v.shape), v) for p, v in zip(parts, shared)] + list(zip(head_grads, heads))
    built['opt'].apply_gradients(pairs)
    return {'loss': total}
