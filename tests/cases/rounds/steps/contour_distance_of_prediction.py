"""The contour head is trained by a distance map that NumPy computes from the prediction itself."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(3)
    scan = keras.Input((8, 8, 1), name='scan')
    h = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='enc1')(scan)
    h = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='enc2')(h)
    mask = keras.layers.Conv2D(1, 1, activation='sigmoid', name='mask')(h)
    contour = keras.layers.Conv2D(1, 3, padding='same', activation='sigmoid', name='contour')(h)
    return {'segmenter': keras.Model(scan, [mask, contour], name='segmenter'), 'optimizer': keras.optimizers.AdamW(1e-3)}


def sample():
    r = np.random.default_rng(3)
    yy, xx = np.mgrid[:8, :8]
    centres = r.integers(2, 6, (4, 2))
    mask = np.stack([((yy - a) ** 2 + (xx - b) ** 2 < 6) for a, b in centres]).astype('float32')[..., None]
    return {'scan': mask + 0.3 * r.normal(size=mask.shape).astype('float32'), 'y': mask}


def models(built):
    return [built['segmenter']]


def signed_distance(mask):
    out = np.zeros_like(mask)
    grid = np.stack(np.mgrid[:mask.shape[1], :mask.shape[2]], -1).reshape(-1, 2)
    for i, m in enumerate(mask[..., 0].reshape(len(mask), -1) > 0.5):
        d = np.linalg.norm(grid[:, None] - grid[None], axis=-1)
        to_object = d[:, m].min(1) if m.any() else np.full(len(grid), 8.)
        to_background = d[:, ~m].min(1) if (~m).any() else np.full(len(grid), 8.)
        out[i, ..., 0] = (to_object - to_background).reshape(mask.shape[1:3])
    return out.astype('float32')


def dice_loss(y, p, eps=1.):
    overlap = tf.reduce_sum(y * p, [1, 2, 3])
    return tf.reduce_mean(1. - (2. * overlap + eps) / (tf.reduce_sum(y, [1, 2, 3]) + tf.reduce_sum(p, [1, 2, 3]) + eps))


def boundary_loss(y, p):
    phi = tf.numpy_function(signed_distance, [p], tf.float32)
    return tf.reduce_mean(phi * y)


def boundary_loss_fixed(y, p):
    phi = tf.numpy_function(signed_distance, [y], tf.float32)
    return tf.reduce_mean(phi * p)


def train(built, sample, boundary):
    net, optimizer = built['segmenter'], built['optimizer']
    with tf.GradientTape() as tape:
        mask, contour = net(sample['scan'], training=True)
        parts = {'dice': dice_loss(sample['y'], mask), 'boundary': 0.1 * boundary(sample['y'], contour)}
        loss = tf.add_n(list(parts.values()))
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    return {name: float(value) for name, value in parts.items()}


def step(built, sample):
    return train(built, sample, boundary_loss)


def fixed_step(built, sample):
    return train(built, sample, boundary_loss_fixed)


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/35713',
    'title': 'No gradient in custom loss function (tf.numpy_function of the prediction)',
    'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'contour/kernel', 'layer': None, 'op': 'PyFunc', 'line': 'phi = tf.numpy_function(signed_distance, [p], tf.float32)'},
    'why': 'The prediction only enters through a NumPy function, which has no gradient.',
    'fix': 'Take the distance map of the label, multiply it with the prediction.',
    'also': [{'input': None, 'variable': 'contour', 'layer': None, 'op': None, 'line': 'tf.numpy_function(signed_distance, [p]'},
             {'input': None, 'variable': 'contour', 'layer': 'contour', 'op': None, 'line': None},
             {'input': None, 'variable': 'contour', 'layer': None, 'op': None, 'line': "boundary(sample['y'], contour)"}],
}
