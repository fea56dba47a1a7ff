"""Three tasks with gradient surgery: shared weights get projected gradients, heads their own; tasks in the order of a permutation."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((12,), name='features')
    h = keras.layers.Dense(16, activation='tanh', name='shared_dense')(x)
    outputs = [keras.layers.Dense(1, name=f'{k}_head')(h) for k in ('click', 'dwell', 'share')]
    return {'net': keras.Model(x, outputs, name='net'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'features': r.normal(size=(16, 12)).astype('float32'), 'y:click': r.integers(0, 2, (16, 1)).astype('float32'),
            'y:dwell': r.exponential(size=(16, 1)).astype('float32'), 'y:share': r.integers(0, 2, (16, 1)).astype('float32')}


def models(built):
    return [built['net']]


def flatten(grads):
    return tf.concat([tf.reshape(g, [-1]) for g in grads], axis=0)


def step(built, sample):
    net = built['net']
    variables = net.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        click, dwell, share = net(sample['features'], training=True)
        losses = [tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y:click'], click)),
                  tf.reduce_mean((tf.nn.softplus(dwell) - sample['y:dwell']) ** 2),
                  tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y:share'], share))]
    raw = [flatten([tf.zeros(v.shape) if g is None else g for g, v in zip(tape.gradient(loss, variables), variables)]) for loss in losses]
    del tape
    total = tf.zeros_like(raw[0])
    for i, g in enumerate(raw):
        for j in np.random.default_rng(i).permutation(3):
            if i != j:
                g = g - tf.minimum(tf.reduce_sum(g * raw[j]), 0.0) / (tf.reduce_sum(raw[j] ** 2) + 1e-12) * raw[j]
        total += g
    parts = tf.split(total, [int(np.prod(v.shape)) for v in variables])
    built['optimizer'].apply_gradients([(tf.reshape(p, v.shape), v) for p, v in zip(parts, variables)])
    return {f'loss_{i}': loss for i, loss in enumerate(losses)}
