"""An image registration whose pose head never learns: the image transform has no gradient towards the matrix."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    moving, fixed_image = keras.Input((12, 12, 1), name='moving'), keras.Input((12, 12, 1), name='fixed_image')
    h = keras.layers.Concatenate()([moving, fixed_image])
    h = keras.layers.Flatten()(keras.layers.Conv2D(6, 3, strides=2, activation='relu', name='features')(h))
    pose = keras.layers.Dense(6, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), name='pose')(h)
    gain = keras.layers.Dense(1, name='gain')(h)
    net = keras.Model({'moving': moving, 'fixed_image': fixed_image}, {'pose': pose, 'gain': gain}, name='registration')
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    base = r.normal(size=(4, 14, 14, 1)).astype('float32')
    return {'moving': base[:, 1:13, 1:13], 'fixed_image': base[:, 2:14, 1:13]}


def models(built):
    return [built]


IDENTITY = np.array([1, 0, 0, 0, 1, 0], 'float32')


def step(built, sample):
    moving = tf.convert_to_tensor(sample['moving'])
    with tf.GradientTape() as tape:
        out = built({k: tf.convert_to_tensor(v) for k, v in sample.items()}, training=True)
        matrix = tf.concat([IDENTITY + out['pose'], tf.zeros((len(moving), 2))], axis=1)
        warped = keras.ops.image.affine_transform(moving, matrix, interpolation='bilinear')
        warped = warped * (1.0 + out['gain'][:, :, None, None])
        loss = tf.reduce_mean(tf.square(warped - sample['fixed_image']))
    gradients = tape.gradient(loss, built.trainable_variables)
    built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))
    return {'loss': loss}


def sample_bilinearly(images, matrix):
    size = images.shape[1]
    ys, xs = tf.meshgrid(tf.range(float(size)), tf.range(float(size)), indexing='ij')
    m = tf.reshape(matrix, (-1, 6, 1, 1))
    x, y = m[:, 0] * xs + m[:, 1] * ys + m[:, 2], m[:, 3] * xs + m[:, 4] * ys + m[:, 5]
    x0, y0 = tf.floor(x), tf.floor(y)

    def at(row, column):
        inside = tf.cast((row >= 0) & (row < size) & (column >= 0) & (column < size), tf.float32)[..., None]
        index = tf.stack([tf.clip_by_value(row, 0, size - 1), tf.clip_by_value(column, 0, size - 1)], -1)
        return inside * tf.gather_nd(images, tf.cast(index, tf.int32), batch_dims=1)

    u, v = (x - x0)[..., None], (y - y0)[..., None]
    return (1 - v) * ((1 - u) * at(y0, x0) + u * at(y0, x0 + 1)) + v * ((1 - u) * at(y0 + 1, x0) + u * at(y0 + 1, x0 + 1))


def fixed_step(built, sample):
    feed = {k: tf.convert_to_tensor(v) for k, v in sample.items()}
    with tf.GradientTape() as tape:
        answer = built(feed, training=True)
        resampled = sample_bilinearly(feed['moving'], IDENTITY + answer['pose']) * (1.0 + answer['gain'][:, :, None, None])
        loss = tf.reduce_mean(tf.square(resampled - feed['fixed_image']))
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/addons/issues/2659',
    'title': 'No gradients to transforms in tfa.image.transform',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'pose/kernel', 'layer': None, 'op': 'ImageProjectiveTransformV3',
                'line': "warped = keras.ops.image.affine_transform(moving, matrix, interpolation='bilinear')"},
    'why': 'ImageProjectiveTransformV3 has a gradient for the images only; the matrix, and with it the pose head, gets None.',
    'fix': 'Build the sampling grid and interpolate bilinearly with differentiable operations.',
}
EXPECT['also'] = [
    {'variable': 'pose', 'op': None, 'line': 'keras.ops.image.affine_transform('},
    {'variable': 'pose', 'op': None, 'line': "matrix = tf.concat([IDENTITY + out['pose']"},
    {'variable': 'pose', 'op': None, 'line': 'out = built('},
]
