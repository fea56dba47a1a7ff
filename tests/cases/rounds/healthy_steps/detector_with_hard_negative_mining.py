"""Anchor detector: hard negatives chosen by sorting the losses, smooth L1 on positives, NMS only for the log."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(107)
    x = keras.Input((16, 16, 3), name='image')
    h = keras.layers.Conv2D(8, 3, strides=2, padding='same', activation='relu', name='c1')(x)
    h = keras.layers.Conv2D(12, 3, strides=2, padding='same', activation='relu', name='c2')(h)
    cls = keras.layers.Reshape((16,), name='cls')(keras.layers.Conv2D(1, 1, name='cls_conv')(h))
    box = keras.layers.Reshape((16, 4), name='box')(keras.layers.Conv2D(4, 1, name='box_conv')(h))
    return {'net': keras.Model(x, [cls, box], name='detector'), 'optimizer': keras.optimizers.SGD(0.01, momentum=0.9)}


def sample():
    r = np.random.default_rng(107)
    y = np.zeros((4, 16), 'float32')
    y[np.arange(4), r.integers(0, 16, 4)] = 1
    return {'image': r.uniform(size=(4, 16, 16, 3)).astype('float32'), 'y': y, 'boxes': r.uniform(size=(4, 16, 4)).astype('float32')}


def models(built):
    return [built['net']]


def mined_classification_loss(y, logits, ratio=3):
    ce = tf.nn.sigmoid_cross_entropy_with_logits(y, logits)
    negatives = tf.where(y > 0., -1., ce)
    rank = tf.argsort(tf.argsort(negatives, -1, direction='DESCENDING'), -1)
    quota = ratio * tf.cast(tf.reduce_sum(y, -1, keepdims=True), tf.int32)
    keep = tf.cast(rank < quota, tf.float32) * (1. - y)
    return tf.reduce_sum(ce * (y + keep)) / tf.reduce_sum(y)


def localisation_loss(y, target, box):
    per_anchor = keras.losses.huber(target, box, delta=1.)
    return tf.reduce_sum(per_anchor * y) / tf.reduce_sum(y)


def kept_boxes(logits, box):
    return [len(tf.image.non_max_suppression(b, s, 5).numpy()) for b, s in zip(box, tf.sigmoid(logits))]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        logits, box = net(sample['image'], training=True)
        loss = mined_classification_loss(sample['y'], logits) + localisation_loss(sample['y'], sample['boxes'], box)
    gradients = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return {'loss': float(loss), 'kept': kept_boxes(logits, box)}


NOTES = dict(family='detection', why_hard='argsort and comparison select terms only; NMS for the log', legit_nongradient=[])
