"""Restoration of scanned film negatives by a residual network under a multi-scale similarity loss."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(7)
    scan = keras.Input((24, 24, 1), name='scan')
    x = keras.layers.Conv2D(6, 3, padding='same', activation='relu', name='features')(scan)
    x = keras.layers.Conv2D(1, 3, padding='same', name='correction')(x)
    out = keras.layers.Add()([scan, keras.layers.Rescaling(0.05)(x)])
    return {'net': keras.Model({'scan': scan}, out, name='restorer'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(7)
    scan = np.clip(0.5 + 0.4 * np.sin(np.linspace(0, 9, 24))[None, :, None, None] * r.uniform(0.5, 1, (4, 1, 24, 1))
                   + r.normal(0, 0.02, (4, 24, 24, 1)), 0, 1).astype('float32')
    return {'scan': scan, 'y': 1.0 - scan}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        restored = net({'scan': sample['scan']}, training=True)
        similarity = tf.image.ssim_multiscale(sample['y'], restored, 1.0, power_factors=(0.3, 0.3, 0.4), filter_size=5)
        loss = tf.reduce_mean(1.0 - similarity)
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


def fixed_step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        restored = net({'scan': sample['scan']}, training=True)
        levels, a, b = [], sample['y'], restored
        for _ in range(3):
            levels.append(tf.image.ssim(a, b, 1.0, filter_size=5))
            a, b = tf.nn.avg_pool2d(a, 2, 2, 'SAME'), tf.nn.avg_pool2d(b, 2, 2, 'SAME')
        loss = tf.reduce_mean(1.0 - tf.add_n(levels) / 3.0)
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


EXPECT = {
    'source': 'https://github.com/mehta-lab/microDL/pull/102',
    'title': 'Ms ssim',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'Pow',
                'line': 'similarity = tf.image.ssim_multiscale(sample['},
    'why': 'The structure terms are negative at first; ssim_multiscale sets them to 0 and raises them to a fractional power, whose derivative at 0 is infinite.',
    'fix': 'Average the similarities of the scales, or train with another loss until they are positive.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': 'Relu', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': 'Prod', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'loss = tf.reduce_mean(1.0 - similarity)'}],
    'symptom': [('grad', 'features/kernel', 'nonfinite'), ('grad', 'correction/kernel', 'nonfinite')],
}
