"""MAML for sine regression: the fast weights live in a clone that is filled with set_weights and updated by its own optimizer."""
import numpy as np
import tensorflow as tf
import keras


def net(name):
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(16, activation='tanh', name=f'{name}_a'), keras.layers.Dense(1, name=f'{name}_b')], name=name)


def build():
    keras.utils.set_random_seed(2)
    return {'meta': net('meta'), 'learner': net('learner'), 'outer': keras.optimizers.Adam(1e-2), 'inner': keras.optimizers.SGD(0.05)}


def sample():
    r = np.random.default_rng(2)
    x = r.uniform(-3, 3, (3, 2, 10, 1))
    y = r.uniform(0.5, 2, (3, 1, 1, 1)) * np.sin(x + r.uniform(0, 3, (3, 1, 1, 1)))
    return {'x': x.astype('float32'), 'y': y.astype('float32')}


def models(built):
    return [built['meta']]


def mse(y, p):
    return tf.reduce_mean(tf.square(y - p))


def step(built, sample):
    meta, learner = built['meta'], built['learner']
    with tf.GradientTape() as outer_tape:
        loss = 0.0
        for x, y in zip(sample['x'], sample['y']):
            learner.set_weights(meta.get_weights())
            with tf.GradientTape() as inner_tape:
                support = mse(y[0], learner(x[0], training=True))
            grads = inner_tape.gradient(support, learner.trainable_variables)
            built['inner'].apply_gradients(zip(grads, learner.trainable_variables))
            loss += mse(y[1], learner(x[1], training=True)) / len(sample['x'])
    grads = outer_tape.gradient(loss, meta.trainable_variables)
    built['outer'].apply_gradients(zip(grads, meta.trainable_variables))
    return {'loss': loss}


def forward(weights, x):
    w, b, v, c = weights
    return tf.matmul(tf.tanh(tf.matmul(x, w) + b), v) + c


def fixed_step(built, sample):
    meta = built['meta']
    with tf.GradientTape() as outer_tape:
        loss = 0.0
        for x, y in zip(sample['x'], sample['y']):
            with tf.GradientTape() as inner_tape:
                support = mse(y[0], meta(x[0], training=True))
            grads = inner_tape.gradient(support, meta.trainable_variables)
            fast = [v - 0.05 * g for v, g in zip(meta.trainable_variables, grads)]
            loss += mse(y[1], forward(fast, x[1])) / len(sample['x'])
    grads = outer_tape.gradient(loss, meta.trainable_variables)
    built['outer'].apply_gradients(zip(grads, meta.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/34335', 'title': 'Nested gradient tape, unconnected graphs: meta model and a copy with set_weights', 'source_kind': 'report',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'meta_a/kernel', 'layer': None, 'op': None, 'line': 'learner.set_weights(meta.get_weights())'},
    'why': 'Copying values (and the inner optimizer) leaves no path from the weights of the meta model to the query loss.',
    'fix': 'Make the fast weights tensors: v - lr * g, and apply them functionally.',
}
EXPECT['also'] = [{'line': "built['inner'].apply_gradients(zip(grads, learner.trainable_variables))"}, {'line': 'loss += mse(y[1], learner(x[1], training=True)) / len(sample[\'x\'])'},
                  {'line': 'grads = outer_tape.gradient(loss, meta.trainable_variables)'}, {'variable': 'meta'}, {'variable': None}, {'layer': 'learner'},
                  {'op': 'AssignVariableOp'}]
