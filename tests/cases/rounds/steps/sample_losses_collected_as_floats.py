"""The distribution of the losses of a batch is compared with a normal one; the losses are collected as Python floats."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((4,), name='iris'), keras.layers.Dense(10, 'relu', name='first'), keras.layers.Dense(3, name='second')], name='iris_net')
    net.compile(keras.optimizers.SGD(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return net


def sample():
    r = np.random.default_rng(0)
    return {'iris': r.normal(size=(12, 4)).astype('float32'), 'y': r.integers(0, 3, 12)}


def models(built):
    return [built]


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def distance_to_normal(losses, bins=6):
    ordered = tf.sort(losses)
    grid = np.linspace(-1.5, 1.5, ordered.shape[0]).astype('float32')
    return tf.reduce_mean(tf.square(ordered - grid))


def loss_of(model, x, y):
    logits = model(x, training=True)
    losses = []
    for i in range(y.shape[0]):
        losses.append(float(LOSS(y[i:i + 1], logits[i:i + 1])))
    return distance_to_normal(tf.convert_to_tensor(losses, dtype=tf.float32))


def step(built, sample):
    with tf.GradientTape() as tape:
        value = loss_of(built, sample['iris'], sample['y'])
    gradients = tape.gradient(value, built.trainable_variables)
    built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))
    return {'loss': value}


def fixed_step(built, sample):
    with tf.GradientTape() as tape:
        scores = built(sample['iris'], training=True)
        each = keras.losses.sparse_categorical_crossentropy(sample['y'], scores, from_logits=True)
        value = distance_to_normal(each)
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(value, weights), weights))
    return {'loss': value}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/30190',
    'title': 'TF 2.0: tf.GradientTape().gradient() returns None',
    'source_kind': 'report',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'losses.append(float(LOSS(y[i:i + 1], logits[i:i + 1])))'},
    'why': 'float() takes the value out of TensorFlow; the tensor made of the floats is a constant.',
    'fix': 'Keep the losses as tensors (unreduced loss, or tf.stack).',
}
EXPECT['also'] = [
    {'line': 'return distance_to_normal(tf.convert_to_tensor(losses, dtype=tf.float32))'},
    {'variable': 'second', 'line': 'losses.append(float(LOSS('}, {'variable': 'first', 'line': 'losses.append(float(LOSS('},
    {'line': "value = loss_of(built, sample['iris'], sample['y'])"},
]
