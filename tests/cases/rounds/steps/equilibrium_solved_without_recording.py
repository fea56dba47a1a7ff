"""Deep equilibrium model: the fixed point is solved with recording stopped and never attached to the cell again."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((5,), name='signal')
    inject = keras.Model(x, keras.layers.Dense(10, name='inject_dense')(x), name='inject')
    z, u = keras.Input((10,), name='state'), keras.Input((10,), name='drive')
    w = keras.layers.Dense(10, kernel_initializer=keras.initializers.RandomNormal(stddev=0.1, seed=1), name='cell_dense')(z)
    cell = keras.Model([z, u], keras.layers.Activation('tanh', name='cell_tanh')(keras.layers.Add(name='cell_add')([w, u])), name='cell')
    h = keras.Input((10,), name='equilibrium')
    head = keras.Model(h, keras.layers.Dense(1, name='head_out')(h), name='head')
    return {'inject': inject, 'cell': cell, 'head': head, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(12, 5)).astype('float32')
    return {'signal': x, 'y': np.sin(x.sum(1, keepdims=True)).astype('float32')}


def models(built):
    return [built['inject'], built['cell'], built['head']]


def solve(cell, u, steps=25):
    z = tf.zeros_like(u)
    for _ in range(steps):
        z = cell([z, u])
    return z


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        u = built['inject'](sample['signal'], training=True)
        with tape.stop_recording():
            z = solve(built['cell'], u)
        loss = tf.reduce_mean(tf.square(built['head'](z, training=True) - sample['y']))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients((g, v) for g, v in zip(grads, variables) if g is not None)
    return {'loss': loss}


def fixed_step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        u = built['inject'](sample['signal'], training=True)
        with tape.stop_recording():
            z = solve(built['cell'], u)
        z = built['cell']([z, u])
        loss = tf.reduce_mean(tf.square(built['head'](z, training=True) - sample['y']))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/locuslab/torchdeq/issues/8',
    'title': 'The solution of the fixed point solver has no history: some parameters get no gradient',
    'source_kind': 'variant',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'cell_dense/kernel', 'layer': 'cell', 'op': None, 'line': 'with tape.stop_recording():'},
    'why': 'Nothing between the injected signal and the equilibrium is recorded, so cell and injection get None; the filter hides it.',
    'fix': 'Apply the cell once more with recording on (phantom gradient), or give the solver a custom gradient.',
}
EXPECT['also'] = [
    {'variable': 'cell_dense', 'line': "z = solve(built['cell'], u)"}, {'variable': 'inject_dense', 'line': "z = solve(built['cell'], u)"},
    {'variable': 'inject_dense', 'line': 'with tape.stop_recording():'}, {'variable': 'cell_dense', 'line': 'with tape.stop_recording():'},
    {'variable': 'cell_dense', 'line': 'z = cell([z, u])'}, {'variable': 'inject_dense', 'line': 'z = cell([z, u])'}, {'input': 'signal', 'line': 'with tape.stop_recording():'},
]
