"""Unsupervised optical flow: the second frame is warped to the first and compared with it."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(22)
    first, second = keras.Input((10, 10, 1), name='first'), keras.Input((10, 10, 1), name='second')
    x = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='correlate')(keras.layers.Concatenate()([first, second]))
    flow = keras.layers.Conv2D(2, 3, padding='same', name='flow')(x)
    return {'net': keras.Model({'first': first, 'second': second}, flow, name='flownet'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(22)
    first = r.uniform(size=(4, 10, 10, 1)).astype('float32')
    return {'first': first, 'second': np.roll(first, 1, 2)}


def models(built):
    return [built['net']]


def grid():
    return tf.cast(tf.stack(tf.meshgrid(tf.range(10), tf.range(10), indexing='ij'), -1), tf.float32)


def fetch(image, rows, columns):
    index = tf.stack([tf.clip_by_value(rows, 0, 9), tf.clip_by_value(columns, 0, 9)], -1)
    return tf.gather_nd(image, index, batch_dims=1)


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        flow = net({'first': sample['first'], 'second': sample['second']}, training=True)
        place = tf.cast(tf.round(grid() + flow), tf.int32)
        warped = fetch(sample['second'], place[..., 0], place[..., 1])
        loss = tf.reduce_mean(tf.sqrt(tf.square(warped - sample['first']) + 1e-6))
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


def fixed_step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        flow = net({'first': sample['first'], 'second': sample['second']}, training=True)
        place = grid() + flow
        corner = tf.floor(place)
        part, corner, warped = place - corner, tf.cast(corner, tf.int32), 0.0
        for down in (0, 1):
            for right in (0, 1):
                share = (part[..., :1] if down else 1.0 - part[..., :1]) * (part[..., 1:] if right else 1.0 - part[..., 1:])
                warped += share * fetch(sample['second'], corner[..., 0] + down, corner[..., 1] + right)
        loss = tf.reduce_mean(tf.sqrt(tf.square(warped - sample['first']) + 1e-6))
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


EXPECT = {
    'source': 'https://github.com/daigo0927/pwcnet/issues/1',
    'title': 'Warping layer',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'Cast', 'line': 'place = tf.cast(tf.round(grid() + flow), tf.int32)'},
    'why': 'The flow is rounded to whole pixels and used as an index; neither has a gradient.',
    'fix': 'Interpolate bilinearly between the four pixels around the place.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': 'Round', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': 'GatherNd', 'line': None},
             {'input': None, 'variable': 'flow', 'layer': None, 'op': None, 'line': "warped = fetch(sample['second'], place[..., 0], place[..., 1])"}],
    'symptom': [('raises', 'ValueError')],
}
