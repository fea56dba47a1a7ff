"""Mixup for a small image classifier with one mixing weight per example."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(17)
    image = keras.Input((8, 8, 1), name='image')
    x = keras.layers.Conv2D(8, 3, activation='relu', name='conv')(image)
    x = keras.layers.BatchNormalization(name='norm')(x)
    return {'net': keras.Model({'image': image}, keras.layers.Dense(3, name='letters')(keras.layers.GlobalAveragePooling2D()(x)), name='letters_net'),
            'optimizer': keras.optimizers.SGD(0.1)}


def sample():
    r = np.random.default_rng(17)
    return {'image': r.uniform(size=(6, 8, 8, 1)).astype('float32'), 'y': np.eye(3, dtype='float32')[np.array([0, 1, 2, 0, 1, 1])],
            'weight': r.beta(0.4, 0.4, 6).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    weight = tf.reshape(sample['weight'], (-1, 1, 1, 1))
    image = weight * sample['image'] + (1.0 - weight) * sample['image'][::-1]
    label = weight * sample['y'] + (1.0 - weight) * sample['y'][::-1]
    with tf.GradientTape() as tape:
        log_p = tf.nn.log_softmax(net({'image': image}, training=True))
        loss = -tf.reduce_mean(tf.reduce_sum(label * log_p, -1))
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'values': {'label': label, 'log_p': log_p}}


def fixed_step(built, sample):
    net = built['net']
    weight = tf.reshape(sample['weight'], (-1, 1, 1, 1))
    image = weight * sample['image'] + (1.0 - weight) * sample['image'][::-1]
    share = tf.reshape(weight, (-1, 1))
    label = share * sample['y'] + (1.0 - share) * sample['y'][::-1]
    with tf.GradientTape() as tape:
        log_p = tf.nn.log_softmax(net({'image': image}, training=True))
        loss = -tf.reduce_mean(tf.reduce_sum(label * log_p, -1))
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'values': {'label': label, 'log_p': log_p}}


EXPECT = {
    'source': 'https://stackoverflow.com/questions/73650936/output-shape-of-keras-mixup-layer',
    'title': 'Output shape of keras MixUp layer',
    'source_kind': 'variant',
    'category': 'label_shape_broadcast',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "label = weight * sample['y'] + (1.0 - weight) * sample['y'][::-1]"},
    'why': 'The weight has the four axes of an image, so the labels become (batch, 1, batch, classes) and every prediction is trained on the labels of the whole batch.',
    'fix': 'Give the weight two axes for the labels.',
    'also': [{'input': 'y', 'variable': None, 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'loss = -tf.reduce_mean(tf.reduce_sum(label * log_p, -1))'}],
    'symptom': [('shapes differ', 'label', 'log_p')],
}
