"""Segmentation with a mask and an edge head: the IoU loss thresholds the mask, while the edge loss keeps the trunk moving."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 1), name='scan')
    d1 = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='down1')(x)
    d2 = keras.layers.Conv2D(8, 3, strides=2, padding='same', activation='relu', name='down2')(d1)
    u = keras.layers.Concatenate()([keras.layers.UpSampling2D()(d2), d1])
    mask = keras.layers.Conv2D(1, 1, activation='sigmoid', name='mask')(keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='mask_conv')(u))
    return {'unet': keras.Model(x, [mask, keras.layers.Conv2D(1, 1, activation='sigmoid', name='edge')(u)], name='unet'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    scan = r.normal(size=(4, 16, 16, 1)).astype('float32')
    mask = np.zeros_like(scan)
    mask[:, 4:11, 5:12] = 1
    edge = mask - np.pad(mask[:, 5:10, 6:11], ((0, 0), (5, 6), (6, 5), (0, 0)))
    return {'scan': scan + mask, 'mask': mask, 'edge': edge}


def models(built):
    return [built['unet']]


def iou_loss(y_true, y_pred):
    thresholded = tf.where(y_pred >= 0.5, 1.0, 0.0)
    inter = tf.reduce_sum(y_true * thresholded, [1, 2, 3])
    union = tf.reduce_sum(y_true + thresholded, [1, 2, 3]) - inter
    return 1.0 - tf.reduce_mean((inter + 1.0) / (union + 1.0))


def soft_iou(y_true, y_pred):
    inter = tf.reduce_sum(y_true * y_pred, [1, 2, 3])
    return 1.0 - tf.reduce_mean((inter + 1.0) / (tf.reduce_sum(y_true + y_pred, [1, 2, 3]) - inter + 1.0))


def train(built, sample, criterion):
    unet = built['unet']
    with tf.GradientTape() as tape:
        mask, edge = unet(sample['scan'], training=True)
        loss = criterion(sample['mask'], mask) + 0.5 * tf.reduce_mean(keras.losses.binary_crossentropy(sample['edge'], edge))
    grads = tape.gradient(loss, unet.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, unet.trainable_variables))
    return loss


def step(built, sample):
    return train(built, sample, iou_loss)


def fixed_step(built, sample):
    return train(built, sample, soft_iou)


EXPECT = {
    'source': 'http://xiaobeizi.cn/x/6JuuQQjucd',
    'title': 'Non-differentiable loss function in Keras (thresholded mask)', 'source_kind': 'variant', 'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'mask_conv/kernel', 'layer': None, 'op': 'GreaterEqual', 'line': 'thresholded = tf.where(y_pred >= 0.5, 1.0, 0.0)'},
    'why': 'The threshold passes no gradient: the mask head is never trained; the shared trunk learns the edges only.',
    'fix': 'Use the probabilities in the IoU.',
    'also': [{'variable': 'mask', 'op': 'SelectV2', 'line': None}, {'variable': 'mask', 'op': None, 'line': 'thresholded = tf.where('}, {'layer': 'mask', 'op': None, 'line': 'thresholded = tf.where(', 'variable': None},
             {'variable': 'mask', 'op': 'GreaterEqual', 'line': None}, {'variable': 'mask', 'op': None, 'line': "loss = criterion(sample['mask'], mask)"}],
    'symptom': [('unmoved', 'mask')],
}
