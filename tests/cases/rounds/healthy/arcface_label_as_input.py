"""A correct model: metric learning."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_arcface_label_as_input')


def R():
    return np.random.default_rng(0)


@reg
class ArcMargin(L.Layer):
    def __init__(self, classes=5, scale=8.0, margin=0.2, **kw):
        super().__init__(**kw)
        self.classes, self.scale, self.margin = classes, scale, margin

    def get_config(self):
        return {**super().get_config(), 'classes': self.classes, 'scale': self.scale, 'margin': self.margin}

    def build(self, emb_shape, label_shape):
        self.w = self.add_weight(shape=(emb_shape[-1], self.classes), initializer='glorot_uniform', name='w')

    def call(self, emb, label):
        cos = tf.matmul(tf.nn.l2_normalize(emb, -1), tf.nn.l2_normalize(self.w, 0))
        theta = tf.acos(tf.clip_by_value(cos, -1 + 1e-5, 1 - 1e-5))
        hot = tf.one_hot(label[:, 0], self.classes)
        return self.scale * (hot * tf.cos(theta + self.margin) + (1.0 - hot) * cos)


def build():
    keras.utils.set_random_seed(9)
    x, lab = keras.Input((10, 10, 1), name='face'), keras.Input((1,), dtype='int32', name='identity')
    h = L.Conv2D(6, 3, activation='relu')(x)
    e = L.Dense(8, name='embed')(L.Flatten()(h))
    m = keras.Model({'face': x, 'identity': lab}, ArcMargin(name='arc')(e, lab))
    m.compile(optimizer='adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def sample():
    r = R()
    y = r.integers(0, 5, (10, 1)).astype('int32')
    return {'face': r.normal(size=(10, 10, 10, 1)).astype('float32'), 'identity': y, 'y': y.copy()}


NOTES = dict(family='metric learning', why_hard='the label is an input too, one-hot and without gradient', legit_nongradient=[])
