"""Gradients are asked for model.variables; those of the batch normalisation's statistics are None and the clipping fails."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((8, 8, 3), name='image'), keras.layers.Conv2D(6, 3, use_bias=False, name='conv'),
                            keras.layers.BatchNormalization(name='bn'), keras.layers.ReLU(), keras.layers.GlobalAveragePooling2D(),
                            keras.layers.Dense(2, name='regress')], name='small_resnet')
    net.optimizer = keras.optimizers.SGD(0.05)
    return net


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(6, 8, 8, 3)).astype('float32'), 'y': r.normal(size=(6, 2)).astype('float32')}


def models(built):
    return [built]


def step(built, sample):
    with tf.GradientTape() as tape:
        prediction = built(sample['image'], training=True)
        loss = tf.nn.l2_loss(prediction - sample['y'])
    gradients = tape.gradient(loss, built.variables)
    clipped = [tf.clip_by_norm(g, 1.0) for g in gradients]
    built.optimizer.apply_gradients(zip(clipped, built.variables))
    return {'loss': loss}


def fixed_step(built, sample):
    weights = built.trainable_variables
    with tf.GradientTape() as tape:
        guess = built(sample['image'], training=True)
        loss = tf.nn.l2_loss(guess - sample['y'])
    built.optimizer.apply_gradients(zip([tf.clip_by_norm(g, 1.0) for g in tape.gradient(loss, weights)], weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/26404',
    'title': 'Returned None Values when computing Gradients (tape.gradient(loss, model.variables) with BatchNormalization)',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'bn/moving_mean', 'layer': None, 'op': None, 'line': 'gradients = tape.gradient(loss, built.variables)'},
    'why': 'model.variables holds the moving statistics too; they are not trainable, their gradient is None, and clip_by_norm raises.',
    'fix': 'Use model.trainable_variables.',
}
EXPECT['also'] = [
    {'variable': 'bn/moving_variance', 'line': 'gradients = tape.gradient(loss, built.variables)'},
    {'variable': None, 'line': 'gradients = tape.gradient(loss, built.variables)'},
    {'variable': 'bn/moving', 'line': 'clipped = [tf.clip_by_norm(g, 1.0) for g in gradients]'},
    {'variable': None, 'line': 'clipped = [tf.clip_by_norm(g, 1.0) for g in gradients]'},
    {'variable': None, 'layer': 'bn', 'line': None},
]
