"""Log-posterior of a Bayesian regression as a function of one flat vector of weights, for a Hamiltonian sampler."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(4)
    dose, age = keras.Input((2,), name='dose'), keras.Input((1,), name='age')
    x = keras.layers.Dense(6, activation='tanh', name='hidden')(keras.layers.Concatenate()([dose, age]))
    return keras.Model({'dose': dose, 'age': age}, keras.layers.Dense(1, name='response')(x), name='bnn')


def sample():
    r = np.random.default_rng(4)
    return {'dose': r.normal(size=(10, 2)).astype('float32'), 'age': r.normal(size=(10, 1)).astype('float32'),
            'y': r.normal(size=(10, 1)).astype('float32')}


def models(built):
    return [built]


def unflatten(flat, variables):
    pieces = tf.split(flat, [int(np.prod(v.shape)) for v in variables])
    return [tf.reshape(p, v.shape) for p, v in zip(pieces, variables)]


def step(built, sample):
    model, variables = built, built.trainable_variables
    position = tf.concat([tf.reshape(v, [-1]) for v in variables], 0)
    with tf.GradientTape() as tape:
        tape.watch(position)
        for variable, value in zip(variables, unflatten(position, variables)):
            variable.assign(value)
        error = sample['y'] - model({'dose': sample['dose'], 'age': sample['age']})
        log_prior = -0.5 * tf.add_n([tf.reduce_sum(tf.square(v)) for v in variables])
        log_posterior = log_prior - 0.5 * tf.reduce_sum(tf.square(error)) / 0.1
    force = tape.gradient(log_posterior, position)
    return {'loss': -log_posterior, 'grads': {'position': force}}


def fixed_step(built, sample):
    model, variables = built, built.trainable_variables
    position = tf.concat([tf.reshape(v, [-1]) for v in variables], 0)
    with tf.GradientTape() as tape:
        tape.watch(position)
        weights = unflatten(position, variables)
        prediction, _ = model.stateless_call(weights, [], {'dose': sample['dose'], 'age': sample['age']})
        error = sample['y'] - prediction
        log_prior = -0.5 * tf.reduce_sum(tf.square(position))
        log_posterior = log_prior - 0.5 * tf.reduce_sum(tf.square(error)) / 0.1
    force = tape.gradient(log_posterior, position)
    return {'loss': -log_posterior, 'grads': {'position': force}}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/54532',
    'title': 'tape.gradient returns None when assign is used in a model for computation of a function',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'AssignVariableOp', 'line': 'variable.assign(value)'},
    'why': 'The flat vector reaches the model only through assignments to variables, which are not differentiable.',
    'fix': 'Call the model with the pieces as tensors (stateless_call).',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'for variable, value in zip(variables, unflatten(position, variables))'}],
    'symptom': [('grad', 'position', 'none')],
}
