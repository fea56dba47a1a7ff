"""PointNet with a T-Net that starts near the identity, max pooling over points and an orthogonality penalty."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_point')


@reg
class Apply(L.Layer):
    def call(self, inputs):
        p, t = inputs
        t = ops.reshape(t, (-1, 3, 3))
        gap = ops.matmul(t, ops.transpose(t, (0, 2, 1))) - ops.eye(3)
        self.add_loss(1e-2 * ops.mean(ops.sum(ops.square(gap), axis=(1, 2))))
        return ops.matmul(p, t)

    def compute_output_shape(self, shapes):
        return shapes[0]


@reg
class EyeBias(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.reshape(ops.eye(3, dtype=dtype or 'float32'), shape)


def build():
    keras.utils.set_random_seed(20)
    pts = keras.Input((32, 3), name='points')
    t = L.GlobalMaxPooling1D()(L.Dense(12, activation='relu', name='t_mlp')(pts))
    t = L.Dense(9, kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2), bias_initializer=EyeBias(), name='t_out')(t)
    x = Apply(name='align')([pts, t])
    x = L.Dense(12, activation='relu', name='mlp1')(x)
    x = L.Dense(24, activation='relu', name='mlp2')(x)
    x = L.GlobalMaxPooling1D(name='points_max')(x)
    m = keras.Model(pts, L.Dense(4, activation='softmax', name='shape')(x))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(19)
    return {'points': r.normal(size=(6, 32, 3)).astype('float32'), 'y': r.integers(0, 4, 6)}


NOTES = dict(family='point clouds', why_hard='only the points that win the maximum get a gradient; the transform starts near the identity', legit_nongradient=[])
