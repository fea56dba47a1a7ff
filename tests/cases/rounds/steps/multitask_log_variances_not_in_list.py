"""Depth and segmentation with learned task uncertainties: the optimizer gets the network's variables, not those of the weighting."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3')
class TaskWeighting(keras.Model):
    def __init__(self, tasks=2, **kwargs):
        super().__init__(**kwargs)
        self.tasks = tasks
        self.log_vars = self.add_weight(shape=(tasks,), initializer='zeros', name='log_vars')

    def call(self, losses):
        return tf.reduce_sum(tf.exp(-self.log_vars) * losses + self.log_vars)

    def get_config(self):
        return {**super().get_config(), 'tasks': self.tasks}


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 3), name='rgb')
    h = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='stem')(x)
    net = keras.Model(x, [keras.layers.Conv2D(1, 1, name='depth')(h), keras.layers.Conv2D(4, 1, name='labels')(h)], name='net')
    return {'net': net, 'weighting': TaskWeighting(name='weighting'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'rgb': r.normal(size=(4, 8, 8, 3)).astype('float32'), 'depth': r.uniform(1, 9, size=(4, 8, 8, 1)).astype('float32'), 'labels': r.integers(0, 4, (4, 8, 8))}


def models(built):
    return [built['net'], built['weighting']]


def task_losses(net, sample):
    depth, logits = net(sample['rgb'], training=True)
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits(sample['labels'], logits)
    return tf.stack([tf.reduce_mean(tf.abs(depth - sample['depth'])), tf.reduce_mean(ce)])


def step(built, sample):
    network, weighting = built['net'], built['weighting']
    with tf.GradientTape() as tape:
        loss = weighting(task_losses(network, sample))
    weights = network.trainable_weights
    grads = tape.gradient(loss, weights)
    built['optimizer'].apply_gradients(zip(grads, weights))
    return loss


def fixed_step(built, sample):
    network, weighting = built['net'], built['weighting']
    with tf.GradientTape() as tape:
        loss = weighting(task_losses(network, sample))
    both = network.trainable_weights + weighting.trainable_weights
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, both), both))
    return loss


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/12503',
    'title': 'Trainable variable defined inside loss function is not getting trained in keras', 'source_kind': 'variant', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'log_vars', 'layer': None, 'op': None, 'line': 'weights = network.trainable_weights'},
    'why': 'The log variances belong to the weighting model, whose variables nobody differentiates with respect to or updates.',
    'fix': 'Add weighting.trainable_weights to the list.',
    'also': [{'variable': 'log_vars', 'line': 'grads = tape.gradient(loss, weights)'}, {'variable': 'log_vars', 'line': "built['optimizer'].apply_gradients(zip(grads, weights))"},
             {'variable': 'log_vars', 'line': 'loss = weighting(task_losses(network, sample))'}, {'layer': 'weighting', 'line': None}],
    'symptom': [('unmoved', 'log_vars')],
}
