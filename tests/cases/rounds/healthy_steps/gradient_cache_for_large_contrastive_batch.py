"""Contrastive batch larger than memory: embeddings first, their gradient, then the towers again piece by piece."""
import numpy as np
import tensorflow as tf
import keras


def tower(name):
    x = keras.Input((10,), name=name)
    return keras.Model({name: x}, keras.layers.Dense(6, name=f'{name}_out')(keras.layers.Dense(12, activation='gelu', name=f'{name}_in')(x)), name=f'{name}_tower')


def build():
    keras.utils.set_random_seed(0)
    return {'query': tower('query'), 'document': tower('document'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'query': r.normal(size=(12, 10)).astype('float32'), 'document': r.normal(size=(12, 10)).astype('float32')}


def models(built):
    return [built['query'], built['document']]


def step(built, sample):
    cached = {k: tf.concat([built[k]({k: sample[k][i:i + 4]}) for i in range(0, 12, 4)], 0) for k in ('query', 'document')}
    with tf.GradientTape() as tape:
        tape.watch(cached)
        logits = tf.matmul(tf.nn.l2_normalize(cached['query'], -1), tf.nn.l2_normalize(cached['document'], -1), transpose_b=True) / 0.1
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(12), logits))
    upstream = tape.gradient(loss, cached)
    variables = [v for m in models(built) for v in m.trainable_variables]
    totals = [tf.zeros(v.shape) for v in variables]
    for i in range(0, 12, 4):
        with tf.GradientTape() as tape:
            again = [built[k]({k: sample[k][i:i + 4]}, training=True) for k in ('query', 'document')]
        part = tape.gradient(again, variables, output_gradients=[upstream[k][i:i + 4] for k in ('query', 'document')])
        totals = [t + p for t, p in zip(totals, part)]
    built['optimizer'].apply_gradients(zip(totals, variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, totals)}}
