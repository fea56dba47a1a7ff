"""Reversible block by tf.custom_gradient: inputs are recomputed, and the gradients of the variables are returned with them."""
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


def reversible(f, g):
    def forward(x1, x2):
        y1 = x1 + f(x2)
        return y1, x2 + g(y1)

    @tf.custom_gradient
    def block(x1, x2):
        y1, y2 = forward(x1, x2)

        def grad(d1, d2, variables=None):
            a2 = y2 - g(y1)
            a1 = y1 - f(a2)
            with tf.GradientTape() as tape:
                tape.watch([a1, a2])
                out = forward(a1, a2)
            grads = tape.gradient(out, [a1, a2] + list(variables), output_gradients=[d1, d2])
            return grads[:2], grads[2:]
        return (y1, y2), grad
    return block


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        x1, x2 = tf.split(built['stem'](sample['spectrum'], training=True), 2, axis=-1)
        for _ in range(2):
            x1, x2 = reversible(built['f'], built['g'])(x1, x2)
        loss = tf.reduce_mean((built['head'](tf.concat([x1, x2], axis=-1), training=True) - sample['y']) ** 2)
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}
