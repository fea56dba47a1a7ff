"""A U-Net trained image by image: the batch normalisation of its one-pixel bottleneck subtracts the value from itself."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    photo = keras.Input((8, 8, 1), name='photo')
    act = lambda: keras.layers.LeakyReLU(negative_slope=0.2)
    d1 = act()(keras.layers.Conv2D(6, 4, strides=2, padding='same', name='down1')(photo))
    d2 = act()(keras.layers.Conv2D(8, 4, strides=2, padding='same', name='down2')(d1))
    deep = keras.layers.Conv2D(8, 4, strides=2, padding='same', use_bias=False, name='deepest')(d2)
    deep = act()(keras.layers.BatchNormalization(beta_initializer=keras.initializers.RandomNormal(stddev=0.3), name='deepest_norm')(deep))
    u2 = act()(keras.layers.Conv2DTranspose(8, 4, strides=2, padding='same', name='up2')(deep))
    u1 = keras.layers.Conv2DTranspose(6, 4, strides=2, padding='same', name='up1')(keras.layers.Concatenate()([u2, d2]))
    out = keras.layers.Conv2DTranspose(1, 4, strides=2, padding='same', name='paint')(keras.layers.Concatenate()([act()(u1), d1]))
    net = keras.Model(photo, out, name='unet')
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(4, 8, 8, 1)).astype('float32')
    return {'photo': x, 'y': np.tanh(x[:, ::-1]) + x.mean((1, 2, 3), keepdims=True)}


def models(built):
    return [built]


def step(built, sample):
    total = None
    for i in range(len(sample['photo'])):
        with tf.GradientTape() as tape:
            out = built(sample['photo'][i:i + 1], training=True)
            loss = tf.reduce_mean(tf.abs(out - sample['y'][i:i + 1]))
        gradients = tape.gradient(loss, built.trainable_variables)
        total = gradients if total is None else [a + g for a, g in zip(total, gradients)]
    built.optimizer.apply_gradients(zip([g / len(sample['photo']) for g in total], built.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    with tf.GradientTape() as tape:
        painted = built(sample['photo'], training=True)
        loss = tf.reduce_mean(tf.abs(painted - sample['y']))
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/issues/60',
    'title': 'Forgot to add norm layer in innermost of UnetSkipConnectionBlock? (the tensor is 1x1, normalised it becomes 0)',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'deepest/kernel', 'layer': 'deepest_norm', 'op': None, 'line': "out = built(sample['photo'][i:i + 1], training=True)"},
    'why': 'One image and one pixel: value minus mean is zero whatever the convolution gives, so its kernel gets a gradient of zero.',
    'fix': 'Run the images as one batch, or leave out the normalisation of the bottleneck.',
}
EXPECT['also'] = [
    {'variable': 'deepest', 'layer': 'deepest_norm', 'line': "name='deepest_norm')(deep)"},
    {'variable': 'deepest', 'layer': 'deepest_norm', 'line': None},
    {'variable': 'deepest', 'layer': 'deepest', 'line': "out = built(sample['photo'][i:i + 1], training=True)"},
    {'variable': 'deepest', 'layer': None, 'op': 'FusedBatchNormV3', 'line': None},
]
