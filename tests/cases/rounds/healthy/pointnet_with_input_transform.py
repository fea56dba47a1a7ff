"""Point cloud classification with a learned alignment that starts at the identity, and an orthogonality loss."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'pointnet_with_input_transform'


@keras.saving.register_keras_serializable(package=PKG)
class Align(keras.layers.Layer):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.mlp = keras.layers.Dense(12, activation='relu', name='mlp')
        self.out = keras.layers.Dense(9, kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2, seed=1), name='matrix')

    def build(self, shape):
        self.mlp.build(shape)
        self.out.build((None, 12))

    def call(self, points):
        m = tf.reshape(self.out(tf.reduce_max(self.mlp(points), axis=1)), (-1, 3, 3)) + tf.eye(3)
        off = tf.matmul(m, m, transpose_b=True) - tf.eye(3)
        self.add_loss(1e-2 * tf.reduce_mean(tf.reduce_sum(tf.square(off), axis=[1, 2])))
        return tf.matmul(points, m)


def build():
    keras.utils.set_random_seed(5)
    points = keras.Input((32, 3), name='points')
    x = Align(name='align')(points)
    for i, f in enumerate((12, 16)):
        x = keras.layers.Conv1D(f, 1, use_bias=False, name=f'conv{i}')(x)
        x = keras.layers.Activation('relu', name=f'relu{i}')(keras.layers.BatchNormalization(name=f'bn{i}')(x))
    x = keras.layers.GlobalMaxPooling1D(name='global')(x)
    x = keras.layers.Dropout(0.3, name='drop')(keras.layers.Dense(12, activation='relu', name='hidden')(x))
    m = keras.Model({'points': points}, keras.layers.Dense(5, activation='softmax', name='shape')(x))
    m.compile('adam', keras.losses.CategoricalCrossentropy(label_smoothing=0.1))
    return m


def sample():
    r = np.random.default_rng(5)
    return {'points': r.normal(size=(8, 32, 3)).astype('float32'), 'y': np.eye(5, dtype='float32')[r.integers(0, 5, 8)]}


NOTES = dict(family='point cloud', why_hard='max over the points passes gradient to few of them; a small initial kernel; add_loss besides the compiled loss', legit_nongradient=[])
