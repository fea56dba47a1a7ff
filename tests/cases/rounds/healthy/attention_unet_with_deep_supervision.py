"""Segmentation: U-Net with attention gates and a second, coarser output."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'attention_unet_with_deep_supervision'


@keras.saving.register_keras_serializable(package=PKG)
def dice_and_bce(y, p):
    overlap = 2.0 * tf.reduce_sum(y * p, axis=[1, 2, 3]) + 1.0
    dice = 1.0 - overlap / (tf.reduce_sum(y, axis=[1, 2, 3]) + tf.reduce_sum(p, axis=[1, 2, 3]) + 1.0)
    return dice + tf.reduce_mean(keras.losses.binary_crossentropy(y, p), axis=[1, 2])


def block(x, f, name):
    return keras.layers.Conv2D(f, 3, padding='same', activation='relu', name=name)(x)


def gate(skip, signal, name):
    a = keras.layers.Add(name=f'{name}_sum')([keras.layers.Conv2D(4, 1, name=f'{name}_skip')(skip), keras.layers.Conv2D(4, 1, use_bias=False, name=f'{name}_signal')(signal)])
    a = keras.layers.Conv2D(1, 1, activation='sigmoid', name=f'{name}_alpha')(keras.layers.Activation('relu', name=f'{name}_relu')(a))
    return keras.layers.Multiply(name=f'{name}_gated')([skip, a])


def build():
    keras.utils.set_random_seed(16)
    image = keras.Input((16, 16, 1), name='slice')
    a = block(image, 8, 'down_a')
    b = block(keras.layers.MaxPooling2D(name='pool_a')(a), 12, 'down_b')
    c = block(keras.layers.MaxPooling2D(name='pool_b')(b), 16, 'bottom')
    u = keras.layers.UpSampling2D(name='up_b')(c)
    u = block(keras.layers.Concatenate(name='cat_b')([u, gate(b, u, 'gate_b')]), 12, 'dec_b')
    coarse = keras.layers.Conv2D(1, 1, activation='sigmoid', name='coarse')(u)
    u = keras.layers.Conv2DTranspose(8, 2, strides=2, name='up_a')(u)
    u = block(keras.layers.Concatenate(name='cat_a')([u, gate(a, u, 'gate_a')]), 8, 'dec_a')
    m = keras.Model({'slice': image}, {'mask': keras.layers.Conv2D(1, 1, activation='sigmoid', name='mask')(u), 'coarse': coarse})
    m.compile('adam', {'mask': dice_and_bce, 'coarse': dice_and_bce}, loss_weights={'mask': 1.0, 'coarse': 0.4})
    return m


def sample():
    r = np.random.default_rng(16)
    mask = (r.random((4, 16, 16, 1)) < 0.3).astype('float32')
    mask[2] = 0
    return {'slice': r.normal(size=(4, 16, 16, 1)).astype('float32'), 'y:mask': mask, 'y:coarse': mask[:, ::2, ::2]}


NOTES = dict(family='segmentation', why_hard='multiplicative gates, one image without foreground, two outputs of different resolution', legit_nongradient=[])
