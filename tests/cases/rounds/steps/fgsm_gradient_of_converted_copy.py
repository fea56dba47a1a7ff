"""Adversarial training: the tape watches a tensor made from the images, but the model is called on the array itself."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((8, 8, 1), name='image'),
        keras.layers.Conv2D(6, 3, activation='relu', name='conv'),
        keras.layers.GlobalAveragePooling2D(name='pool'),
        keras.layers.Dense(4, name='logits'),
    ], name='classifier')
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(1)
    return {'image': r.random((8, 8, 8, 1)).astype('float32'), 'label': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['model']]


cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def perturb(model, images, labels, epsilon):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = cross_entropy(labels, model(images, training=False))
    signed = tf.sign(tape.gradient(loss, x))
    return tf.clip_by_value(x + epsilon * signed, 0.0, 1.0)


def perturb_watched(model, images, labels, epsilon):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = cross_entropy(labels, model(x, training=False))
    return tf.clip_by_value(x + epsilon * tf.sign(tape.gradient(loss, x)), 0.0, 1.0)


def update(built, sample, attack):
    model = built['model']
    adversarial = attack(model, sample['image'], sample['label'], 0.03)
    with tf.GradientTape() as tape:
        clean = cross_entropy(sample['label'], model(sample['image'], training=True))
        robust = cross_entropy(sample['label'], model(adversarial, training=True))
        loss = 0.5 * clean + 0.5 * robust
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return loss


def step(built, sample):
    return update(built, sample, perturb)


def fixed_step(built, sample):
    return update(built, sample, perturb_watched)


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31264',
    'title': 'GradientTape() unable to compute the gradient wrt Keras model inputs',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': 'image', 'variable': None, 'layer': None, 'op': None,
                'line': 'loss = cross_entropy(labels, model(images, training=False))'},
    'why': 'The watched tensor x is not what the model reads (images is), so the gradient with respect to x is None and the attack fails.',
    'fix': 'Call the model on the watched tensor.',
    'symptom': [('exception', '')],
    'also': [
        {'input': 'image', 'line': 'signed = tf.sign(tape.gradient(loss, x))'},
        {'input': 'image', 'line': 'x = tf.convert_to_tensor(images)'},
        {'input': 'image', 'line': 'tape.watch(x)'},
        {'input': None, 'line': 'loss = cross_entropy(labels, model(images, training=False))'},
        {'input': None, 'line': 'signed = tf.sign(tape.gradient(loss, x))'},
    ],
}
