"""Sharpness-aware minimization: the weights are moved after the second forward pass, whose gradient therefore is that of the old weights."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(18)
    x = keras.Input((12, 12, 1), name='tile')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='swish', name='conv')(x)
    model = keras.Model(x, keras.layers.Dense(3, name='land_use')(keras.layers.Flatten(name='flat')(h)))
    return {'model': model, 'optimizer': keras.optimizers.SGD(0.05), 'loss': keras.losses.SparseCategoricalCrossentropy(from_logits=True)}


def sample():
    r = np.random.default_rng(18)
    return {'tile': r.normal(size=(8, 12, 12, 1)).astype('float32'), 'y': r.integers(0, 3, 8).astype('int32')}


def models(built):
    return [built['model']]


def climb(grads):
    scale = 0.5 / (tf.linalg.global_norm(grads) + 1e-12)
    return [scale * g for g in grads]


def step(built, sample):
    model = built['model']
    weights = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = built['loss'](sample['y'], model(sample['tile'], training=True))
    offsets = climb(tape.gradient(loss, weights))
    with tf.GradientTape() as tape:
        sharp = built['loss'](sample['y'], model(sample['tile'], training=True))
    for v, e in zip(weights, offsets):
        v.assign_add(e)
    grads = tape.gradient(sharp, weights)
    for v, e in zip(weights, offsets):
        v.assign_sub(e)
    built['optimizer'].apply_gradients(zip(grads, weights))
    return {'loss': loss, 'sharp_loss': sharp}


def fixed_step(built, sample):
    model = built['model']
    weights = model.trainable_variables
    with tf.GradientTape() as tape:
        loss = built['loss'](sample['y'], model(sample['tile'], training=True))
    offsets = climb(tape.gradient(loss, weights))
    for w, offset in zip(weights, offsets):
        w.assign_add(offset)
    with tf.GradientTape() as tape:
        sharp = built['loss'](sample['y'], model(sample['tile'], training=True))
    grads = tape.gradient(sharp, weights)
    for v, e in zip(weights, offsets):
        v.assign_sub(e)
    built['optimizer'].apply_gradients(zip(grads, weights))
    return {'loss': loss, 'sharp_loss': sharp}


EXPECT = {
    'source': 'https://github.com/sayakpaul/Sharpness-Aware-Minimization-TensorFlow/issues/7', 'title': 'Potential bug: the parameters are perturbed after the second model evaluation', 'source_kind': 'report',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'v.assign_add(e)'},
    'why': 'The second gradient is that of the unperturbed weights: the step is plain SGD at twice the price.',
    'fix': 'Perturb the weights before the second tape.',
}
EXPECT['also'] = [{'line': "sharp = built['loss'](sample['y'], model(sample['tile'], training=True))"}, {'line': 'grads = tape.gradient(sharp, weights)'}, {'line': 'for v, e in zip(weights, offsets):'},
                  {'op': 'AssignAddVariableOp'}, {'variable': 'conv'}]
