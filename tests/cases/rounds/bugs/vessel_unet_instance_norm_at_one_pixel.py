"""Vessel U-Net that normalises each instance at its one-pixel bottleneck."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_vessel_unet_instance_norm_at_one_pixel')


@reg
class InstanceNorm(L.Layer):
    def build(self, s):
        self.scale = self.add_weight(name='scale', shape=(s[-1],), initializer='ones')
        self.offset = self.add_weight(name='offset', shape=(s[-1],), initializer='zeros')

    def call(self, x):
        mean, var = tf.nn.moments(x, axes=[1, 2], keepdims=True)
        return self.scale * (x - mean) / tf.sqrt(var + 1e-5) + self.offset


def down(x, f, name, norm=True):
    x = L.Conv2D(f, 4, strides=2, padding='same', use_bias=False, name=name)(x)
    if norm:
        x = InstanceNorm(name=name + '_norm')(x)
    return L.LeakyReLU(0.2, name=name + '_act')(x)


def up(x, skip, f, name):
    x = L.Conv2DTranspose(f, 4, strides=2, padding='same', activation='leaky_relu', name=name)(x)
    return L.Concatenate(name=name + '_cat')([x, skip])


def head(x, inp):
    m = keras.Model(inp, L.Conv2DTranspose(1, 4, strides=2, padding='same', activation='sigmoid', name='vessels')(x))
    m.compile('adam', 'binary_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(2)
    inp = keras.Input((16, 16, 3), name='fundus')
    d1 = down(inp, 8, 'down1', norm=False)
    d2 = down(d1, 8, 'down2')
    d3 = down(d2, 12, 'down3')
    d4 = down(d3, 16, 'down4')
    x = up(d4, d3, 12, 'up1')
    x = up(x, d2, 8, 'up2')
    return head(up(x, d1, 8, 'up3'), inp)


def fixed():
    keras.utils.set_random_seed(2)
    inp = keras.Input((16, 16, 3), name='fundus')
    d1 = down(inp, 8, 'down1', norm=False)
    d2 = down(d1, 8, 'down2')
    d3 = down(d2, 12, 'down3')
    d4 = down(d3, 16, 'down4', norm=False)
    x = up(d4, d3, 12, 'up1')
    x = up(x, d2, 8, 'up2')
    return head(up(x, d1, 8, 'up3'), inp)


def sample():
    r = np.random.default_rng(0)
    return {'fundus': r.normal(size=(4, 16, 16, 3)).astype('float32'), 'y': r.integers(0, 2, (4, 16, 16, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/issues/60', 'source_kind': 'variant',
    'title': 'Forgot to add norm layer in innermost of UnetSkipConnectionBlock? (1x1 tensor: the value becomes 0)',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'down4/kernel', 'layer': 'down4_norm', 'op': None, 'line': "d4 = down(d3, 16, 'down4')"},
    'why': 'At the bottleneck each map is one pixel, equal to its own mean: the normalised value is 0 whatever down4 computes.',
    'fix': 'No instance normalisation at the innermost level.',
    'also': [{'layer': 'down4_norm', 'line': 'mean, var = tf.nn.moments(x, axes=[1, 2], keepdims=True)'},
             {'layer': 'down4_norm', 'line': 'return self.scale * (x - mean) / tf.sqrt(var + 1e-5) + self.offset'},
             {'line': "x = InstanceNorm(name=name + '_norm')(x)"}, {'layer': 'down4', 'line': "x = L.Conv2D(f, 4, strides=2, padding='same', use_bias=False, name=name)(x)"},
             {'variable': 'down4_norm/scale'}, {'variable': 'up1/kernel'}, {'op': 'Sub'}, {'op': 'Mean'}],
}
