"""The leaderboard's weighted kappa, with its confusion matrix of rounded grades, is compiled as the loss."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(1)
reg = keras.saving.register_keras_serializable(package='m5_kappa')
N = 5
W = np.square(np.arange(N)[:, None] - np.arange(N)[None]).astype('float32') / (N - 1) ** 2


def ratio(observed):
    expected = tf.reduce_sum(observed, 1)[:, None] * tf.reduce_sum(observed, 0)[None] / tf.reduce_sum(observed)
    return tf.reduce_sum(W * observed) / (tf.reduce_sum(W * expected) + 1e-6)


@reg
def kappa_loss(y_true, y_pred):
    truth = tf.cast(y_true[:, 0], tf.int32)
    grade = tf.cast(tf.round(y_pred[:, 0]), tf.int32)
    observed = tf.cast(tf.math.confusion_matrix(truth, grade, num_classes=N), tf.float32)
    return ratio(observed)


@reg
def soft_kappa_loss(y_true, y_pred):
    member = tf.exp(-2.0 * tf.square(y_pred - tf.range(N, dtype=tf.float32)[None]))
    member = member / tf.reduce_sum(member, -1, keepdims=True)
    truth = tf.one_hot(tf.cast(y_true[:, 0], tf.int32), N)
    return ratio(tf.matmul(truth, member, transpose_a=True))


def net(loss):
    eye = keras.Sequential([keras.Input((16, 16, 3)), L.Conv2D(6, 3, activation='relu'), L.MaxPooling2D(),
                            L.Conv2D(8, 3, activation='relu'), L.GlobalAveragePooling2D()], name='eye')
    left, right = keras.Input((16, 16, 3), name='left'), keras.Input((16, 16, 3), name='right')
    age = keras.Input((1,), name='age')
    h = L.Concatenate()([eye(left), eye(right), L.Dense(3, activation='tanh', name='age_fc')(age)])
    g = L.Rescaling(4.0)(L.Dense(1, activation='sigmoid', name='severity')(h))
    m = keras.Model({'left': left, 'right': right, 'age': age}, g)
    m.compile('adam', loss=loss)
    return m


def build():
    return net(kappa_loss)


def fixed():
    return net(soft_kappa_loss)


def sample():
    r = np.random.default_rng(0)
    return {'left': r.random((8, 16, 16, 3), 'float32'), 'right': r.random((8, 16, 16, 3), 'float32'),
            'age': r.normal(size=(8, 1)).astype('float32'), 'y': (np.arange(8) % 5).astype('float32')[:, None]}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/6294',
    'title': 'how can we use quadratic_weighted_kappa as a loss function in keras',
    'source_kind': 'report', 'category': 'nondifferentiable_op',
    'culprit': {'input': 'left', 'variable': 'severity/kernel', 'layer': 'severity', 'op': 'Round',
                'line': 'grade = tf.cast(tf.round(y_pred[:, 0]), tf.int32)'},
    'why': 'Rounding and the cast to int32 for the confusion matrix cut every gradient between the loss and the network.',
    'fix': 'Build the matrix from soft memberships, or train with mse and only report kappa.',
    'also': [{'op': 'Cast', 'line': 'grade = tf.cast(tf.round(y_pred[:, 0]), tf.int32)', 'layer': None},
             {'op': None, 'line': 'tf.math.confusion_matrix', 'layer': None},
             {'op': None, 'line': 'def kappa_loss', 'layer': None}, {'op': None, 'line': 'net(kappa_loss)', 'layer': None}],
}
