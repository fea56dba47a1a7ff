"""Mean teacher: labels are -1 for unlabelled rows, consistency with an EMA teacher, ramp-up weight."""
import numpy as np
import tensorflow as tf
import keras


def net(name):
    x = keras.Input((9,), name='x')
    h = keras.layers.Dense(18, activation='relu', name=f'{name}_h')(x)
    h = keras.layers.LayerNormalization(name=f'{name}_ln')(h)
    return keras.Model(x, keras.layers.Dense(3, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(105)
    student, teacher = net('student'), net('teacher')
    teacher.set_weights(student.get_weights())
    teacher.trainable = False
    return {'student': student, 'teacher': teacher, 'optimizer': keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)}


def sample():
    r = np.random.default_rng(105)
    y = r.integers(0, 3, 14)
    y[5:] = -1
    return {'x': r.normal(size=(14, 9)).astype('float32'), 'y': y.astype('int32')}


def models(built):
    return [built['student'], built['teacher']]


class EMA:
    def __init__(self, source, target, decay=0.99):
        self.pairs, self.decay = list(zip(target.weights, source.weights)), decay

    def on_batch_end(self):
        for target, source in self.pairs:
            target.assign(self.decay * target + (1. - self.decay) * source)


def masked_cross_entropy(y, logits):
    known = tf.cast(y >= 0, tf.float32)
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(y, 0), logits)
    return tf.reduce_sum(ce * known) / tf.maximum(tf.reduce_sum(known), 1.)


def step(built, sample):
    student, teacher = built['student'], built['teacher']
    ema = EMA(student, teacher)
    noisy = lambda: sample['x'] + 0.1 * tf.random.normal(sample['x'].shape)
    for iteration in range(2):
        target = tf.nn.softmax(teacher(noisy(), training=False))
        with tf.GradientTape() as tape:
            logits = student(noisy(), training=True)
            consistency = tf.reduce_mean(tf.square(tf.nn.softmax(logits) - target))
            loss = masked_cross_entropy(sample['y'], logits) + np.exp(-5. * (1. - iteration / 2.) ** 2) * consistency
        gradients = tape.gradient(loss, student.trainable_variables)
        built['optimizer'].apply_gradients(zip(gradients, student.trainable_variables))
        ema.on_batch_end()
    return {'loss': loss, 'consistency': float(consistency)}


NOTES = dict(family='semi-supervised', why_hard='frozen EMA teacher, masked labels', legit_nongradient=[])
