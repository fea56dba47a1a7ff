"""Metric learning: angular margin head that takes the label as an input of the model."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'arcface_with_label_input'


@keras.saving.register_keras_serializable(package=PKG)
class ArcMargin(keras.layers.Layer):
    def __init__(self, classes, margin=0.3, scale=12.0, **kw):
        super().__init__(**kw)
        self.classes, self.margin, self.scale = classes, margin, scale

    def build(self, shapes):
        self.centers = self.add_weight(shape=(shapes[0][-1], self.classes), name='centers')

    def call(self, inputs):
        x, label = inputs
        cosine = tf.matmul(tf.math.l2_normalize(x, axis=1), tf.math.l2_normalize(self.centers, axis=0))
        sine = tf.sqrt(tf.maximum(1.0 - tf.square(cosine), 1e-6))
        moved = cosine * np.cos(self.margin) - sine * np.sin(self.margin)
        moved = tf.where(cosine > -np.cos(self.margin), moved, cosine - self.margin * np.sin(self.margin))
        hot = tf.one_hot(label, self.classes)
        return self.scale * (hot * moved + (1.0 - hot) * cosine)

    def compute_output_shape(self, shapes):
        return (shapes[0][0], self.classes)

    def get_config(self):
        return {**super().get_config(), 'classes': self.classes, 'margin': self.margin, 'scale': self.scale}


def build():
    keras.utils.set_random_seed(9)
    face, who = keras.Input((16, 16, 1), name='face'), keras.Input((), dtype='int32', name='identity')
    x = keras.layers.Conv2D(8, 3, strides=2, name='conv_a')(face)
    x = keras.layers.PReLU(shared_axes=[1, 2], name='prelu_a')(x)
    x = keras.layers.DepthwiseConv2D(3, strides=2, name='conv_b')(x)
    x = keras.layers.PReLU(shared_axes=[1, 2], name='prelu_b')(x)
    x = keras.layers.Dense(10, use_bias=False, name='embedding')(keras.layers.Flatten(name='flat')(x))
    m = keras.Model({'face': face, 'identity': who}, ArcMargin(6, name='margin')([x, who]))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def sample():
    r = np.random.default_rng(9)
    who = r.integers(0, 6, 12).astype('int32')
    return {'face': r.normal(size=(12, 16, 16, 1)).astype('float32'), 'identity': who, 'y': who}


NOTES = dict(family='metric learning', why_hard='the label is an integer input of the model and also y; where and one_hot on the way, sqrt kept away from 0, PReLU starts at zero', legit_nongradient=[])
