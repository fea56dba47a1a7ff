"""Reversible block with its own gradient function: it recomputes the inputs' gradient but answers None for the variables."""
import numpy as np
import tensorflow as tf
import keras


def mlp(name):
    x = keras.Input((6,), name='half')
    h = keras.layers.Dense(12, activation='tanh', name=f'{name}_hidden')(x)
    return keras.Model(x, keras.layers.Dense(6, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((9,), name='spectrum')
    stem = keras.Model(x, keras.layers.Dense(12, name='stem_dense')(x), name='stem')
    y = keras.Input((12,), name='joined')
    head = keras.Model(y, keras.layers.Dense(1, name='head_out')(y), name='head')
    return {'stem': stem, 'f': mlp('f'), 'g': mlp('g'), 'head': head, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'spectrum': r.normal(size=(10, 9)).astype('float32'), 'y': r.normal(size=(10, 1)).astype('float32')}


def models(built):
    return [built['stem'], built['f'], built['g'], built['head']]


def forward(f, g, x1, x2):
    y1 = x1 + f(x2)
    return y1, x2 + g(y1)


def reversible(f, g):
    @tf.custom_gradient
    def block(x1, x2):
        y1, y2 = forward(f, g, x1, x2)

        def grad(d1, d2, variables=None):
            a2 = y2 - g(y1)
            a1 = y1 - f(a2)
            with tf.GradientTape() as tape:
                tape.watch([a1, a2])
                out = forward(f, g, a1, a2)
            dx = tape.gradient(out, [a1, a2], output_gradients=[d1, d2])
            return dx, [None] * len(variables)
        return (y1, y2), grad
    return block


def reversible_with_variables(f, g):
    @tf.custom_gradient
    def block(x1, x2):
        y1, y2 = forward(f, g, x1, x2)

        def grad(d1, d2, variables=None):
            a2 = y2 - g(y1)
            a1 = y1 - f(a2)
            with tf.GradientTape() as tape:
                tape.watch([a1, a2])
                out = forward(f, g, a1, a2)
            grads = tape.gradient(out, [a1, a2] + list(variables), output_gradients=[d1, d2])
            return grads[:2], grads[2:]
        return (y1, y2), grad
    return block


def train(built, sample, block):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        x1, x2 = tf.split(built['stem'](sample['spectrum'], training=True), 2, axis=-1)
        y1, y2 = block(x1, x2)
        loss = tf.reduce_mean((built['head'](tf.concat([y1, y2], axis=-1), training=True) - sample['y']) ** 2)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss}


def step(built, sample):
    return train(built, sample, reversible(built['f'], built['g']))


def fixed_step(built, sample):
    return train(built, sample, reversible_with_variables(built['f'], built['g']))


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31945',
    'title': 'tf.custom_gradient does not handle variables correctly (grad_fn must accept a keyword argument variables)',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'f_hidden/kernel', 'layer': 'f', 'op': None, 'line': 'return dx, [None] * len(variables)'},
    'why': "The gradient function satisfies the signature, but tells TensorFlow that the block's variables have no gradient.",
    'fix': 'Ask the recomputing tape for the variables too and return their gradients.',
}
EXPECT['also'] = [{'variable': 'g_hidden', 'line': 'return dx, [None] * len(variables)'}, {'variable': 'f_', 'line': 'return dx, [None] * len(variables)'},
                  {'variable': 'f_', 'line': 'dx = tape.gradient(out, [a1, a2], output_gradients=[d1, d2])'}, {'variable': 'f_', 'line': 'y1, y2 = block(x1, x2)'},
                  {'variable': 'g_', 'line': 'y1, y2 = block(x1, x2)'}, {'variable': 'f_', 'line': '@tf.custom_gradient'}, {'variable': 'f_', 'line': 'def grad(d1, d2, variables=None):'}]
