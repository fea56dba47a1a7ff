"""Guided attention: the Grad-CAM map of a nested backbone has to agree with lesion masks."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(13)
    slice_in = keras.Input((12, 12, 1), name='slice')
    x = keras.layers.Conv2D(6, 3, padding='same', activation='relu', name='edges')(slice_in)
    x = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='lesions')(x)
    backbone = keras.Model(slice_in, x, name='backbone')
    scan, age = keras.Input((12, 12, 1), name='scan'), keras.Input((1,), name='age')
    h = keras.layers.GlobalAveragePooling2D()(backbone(scan))
    out = keras.layers.Dense(2, name='finding')(keras.layers.Concatenate()([h, age]))
    return {'classifier': keras.Model({'scan': scan, 'age': age}, out, name='classifier'), 'backbone': backbone,
            'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(13)
    return {'scan': r.uniform(size=(6, 12, 12, 1)).astype('float32'), 'age': r.uniform(size=(6, 1)).astype('float32'),
            'mask': (r.uniform(size=(6, 12, 12)) > 0.7).astype('float32'), 'y': r.integers(0, 2, 6).astype('int32')}


def models(built):
    return [built['classifier']]


def step(built, sample):
    classifier, backbone = built['classifier'], built['backbone']
    variables = classifier.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        with tf.GradientTape() as inner:
            maps = backbone(sample['scan'], training=True)
            logits = classifier({'scan': sample['scan'], 'age': sample['age']}, training=True)
            score = tf.gather(logits, sample['y'], batch_dims=1)
        slopes = inner.gradient(score, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        cam = tf.nn.relu(tf.reduce_sum(maps * tf.reduce_mean(slopes, (1, 2), keepdims=True), -1))
        attention = tf.reduce_mean(tf.square(cam / (tf.reduce_max(cam, (1, 2), keepdims=True) + 1e-6) - sample['mask']))
        diagnosis = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
        loss = diagnosis + attention
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss, 'grads': {'attention on lesions': tape.gradient(attention, backbone.get_layer('lesions').kernel)}}


def fixed_step(built, sample):
    classifier, backbone = built['classifier'], built['backbone']
    variables, finding = classifier.trainable_variables, classifier.get_layer('finding')
    with tf.GradientTape(persistent=True) as tape:
        with tf.GradientTape() as inner:
            maps = backbone(sample['scan'], training=True)
            logits = finding(tf.concat([tf.reduce_mean(maps, (1, 2)), sample['age']], -1))
            score = tf.gather(logits, sample['y'], batch_dims=1)
        slopes = inner.gradient(score, maps)
        cam = tf.nn.relu(tf.reduce_sum(maps * tf.reduce_mean(slopes, (1, 2), keepdims=True), -1))
        attention = tf.reduce_mean(tf.square(cam / (tf.reduce_max(cam, (1, 2), keepdims=True) + 1e-6) - sample['mask']))
        diagnosis = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
        loss = diagnosis + attention
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss, 'grads': {'attention on lesions': tape.gradient(attention, backbone.get_layer('lesions').kernel)}}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/59652',
    'title': 'tape.gradient computes none after model in model training',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "logits = classifier({'scan': sample['scan'], 'age': sample['age']}, training=True)"},
    'why': 'The feature maps come from another forward pass than the scores, which do not depend on them; the missing gradient is hidden as zeros, so the map and its loss are constant.',
    'fix': 'Compute the scores from the very feature maps that the gradient is asked for.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'slopes = inner.gradient(score, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "maps = backbone(sample['scan'], training=True)"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'cam = tf.nn.relu('}],
    'symptom': [('grad', 'attention on lesions', 'zero')],
}
