"""Uncertainty weighting of three tasks: the variances themselves are trained from a normal initialiser, and one starts negative under a root."""
import numpy as np
import tensorflow as tf
import keras


class TaskVariances(keras.Model):
    def __init__(self, tasks=3, **kwargs):
        super().__init__(**kwargs)
        self.variance = self.add_weight(name='task_variance', shape=(tasks,), initializer=keras.initializers.RandomNormal(stddev=1.0, seed=5))
        self.built = True

    def call(self, losses):
        sigma = tf.sqrt(self.variance)
        return tf.reduce_sum(losses / (2.0 * self.variance) + tf.math.log(sigma))


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 1), name='image')
    h = keras.layers.Conv2D(6, 3, strides=2, activation='relu', name='trunk_conv')(x)
    h = keras.layers.GlobalAveragePooling2D(name='trunk_pool')(h)
    outputs = [keras.layers.Dense(n, name=f'{k}_out')(h) for k, n in (('depth', 1), ('normal', 3), ('edge', 1))]
    return {'net': keras.Model(x, outputs, name='net'), 'variances': TaskVariances(name='variances'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(6, 16, 16, 1)).astype('float32'), 'y:depth': r.normal(size=(6, 1)).astype('float32'),
            'y:normal': r.normal(size=(6, 3)).astype('float32'), 'y:edge': r.normal(size=(6, 1)).astype('float32')}


def models(built):
    return [built['net'], built['variances']]


def task_losses(net, sample):
    outputs = net(sample['image'], training=True)
    return tf.stack([tf.reduce_mean((o - sample[f'y:{k}']) ** 2) for o, k in zip(outputs, ('depth', 'normal', 'edge'))])


def step(built, sample):
    variables = built['net'].trainable_variables + built['variances'].trainable_variables
    with tf.GradientTape() as tape:
        losses = task_losses(built['net'], sample)
        total = built['variances'](losses)
    grads = tape.gradient(total, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'total': total}


def fixed_step(built, sample):
    variables = built['net'].trainable_variables + built['variances'].trainable_variables
    with tf.GradientTape() as tape:
        losses = task_losses(built['net'], sample)
        log_variance = built['variances'].variance
        total = tf.reduce_sum(0.5 * tf.exp(-log_variance) * losses + 0.5 * log_variance)
    grads = tape.gradient(total, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'total': total}


EXPECT = {
    'source': 'https://github.com/QunBB/DeepLearning/issues/1',
    'title': 'weight uncertainty issue: if uncertainty_weight[i] is negative then tf.log(uncertainty_weight[i]) will be nan',
    'source_kind': 'report',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'task_variance', 'layer': 'variances', 'op': 'Sqrt', 'line': 'sigma = tf.sqrt(self.variance)'},
    'why': 'Nothing keeps a variance that is trained directly positive; the root of a negative one is NaN, in value and in gradient.',
    'fix': 'Train the log of the variance: exp(-s) * loss / 2 + s / 2.',
}
EXPECT['also'] = [{'variable': 'task_variance', 'op': 'Log'}, {'variable': 'task_variance', 'op': 'Sqrt'},
                  {'variable': 'task_variance', 'line': 'return tf.reduce_sum(losses / (2.0 * self.variance) + tf.math.log(sigma))'},
                  {'variable': 'task_variance', 'line': "total = built['variances'](losses)"}, {'variable': 'task_variance', 'line': 'self.variance = self.add_weight'}]
