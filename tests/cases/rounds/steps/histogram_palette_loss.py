"""The colour grader is trained by the distance of hard histograms, which have no gradient."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3), name='image')
    h = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='dn_in')(image)
    denoiser = keras.Model(image, image + keras.layers.Conv2D(3, 3, padding='same', name='dn_out')(h), name='denoiser')
    clean = keras.Input((8, 8, 3), name='clean')
    g = keras.layers.Conv2D(8, 1, activation='relu', name='gr_in')(clean)
    grader = keras.Model(clean, keras.layers.Conv2D(3, 1, activation='sigmoid', name='gr_out')(g), name='grader')
    return {'denoiser': denoiser, 'grader': grader, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(1)
    clean = r.uniform(size=(4, 8, 8, 3)).astype('float32')
    return {'image': clean + 0.1 * r.normal(size=clean.shape).astype('float32'), 'y': clean,
            'reference': (clean ** 2).astype('float32')}


def models(built):
    return [built['denoiser'], built['grader']]


def palette(images, bins=16):
    channels = [tf.histogram_fixed_width(images[..., c], [0., 1.], nbins=bins) for c in range(3)]
    counts = tf.cast(tf.stack(channels), tf.float32)
    return counts / tf.reduce_sum(counts, -1, keepdims=True)


def soft_palette(images, bins=16):
    centres = tf.linspace(0., 1., bins)
    flat = tf.transpose(tf.reshape(images, [-1, 3]))
    weights = tf.nn.softmax(-200. * tf.square(flat[..., None] - centres), -1)
    return tf.reduce_mean(weights, 1)


def losses(built, sample, histogram):
    restored = built['denoiser'](sample['image'], training=True)
    graded = built['grader'](restored, training=True)
    pixel = tf.reduce_mean(tf.abs(restored - sample['y']))
    colour = tf.reduce_sum(tf.square(histogram(graded) - histogram(sample['reference'])))
    return pixel, colour


def step(built, sample):
    weights = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        pixel, colour = losses(built, sample, palette)
        loss = pixel + 0.5 * colour
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss, 'pixel': pixel, 'colour': colour}


def fixed_step(built, sample):
    weights = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        pixel, colour = losses(built, sample, soft_palette)
        loss = pixel + 0.5 * colour
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss, 'pixel': pixel, 'colour': colour}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/14894',
    'title': 'No gradients provided for any variable with tf.histogram_fixed_width',
    'source_kind': 'variant', 'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'gr_in/kernel', 'layer': None, 'op': 'HistogramFixedWidth', 'line': 'tf.histogram_fixed_width(images[..., c], [0., 1.], nbins=bins)'},
    'why': 'Counting into bins has no gradient; the grader is only trained by that term.',
    'fix': 'Soft assignment to the bins.',
    'also': [{'input': None, 'variable': 'gr_out', 'layer': None, 'op': None, 'line': 'tf.histogram_fixed_width'},
             {'input': None, 'variable': 'gr_', 'layer': None, 'op': 'Cast', 'line': 'counts = tf.cast(tf.stack(channels), tf.float32)'},
             {'input': None, 'variable': 'gr_', 'layer': None, 'op': None, 'line': 'colour = tf.reduce_sum(tf.square(histogram(graded)'}],
}
