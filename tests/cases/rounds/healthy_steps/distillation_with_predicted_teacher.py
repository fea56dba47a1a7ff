"""Distillation: the teacher predicts with NumPy outside of the tape; temperature and hint loss through a regressor."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(10)
    def net(name, width):
        x = keras.Input((14,), name=f'{name}_x')
        h = keras.layers.Dense(width, activation='relu', name=f'{name}_hidden')(x)
        return keras.Model(x, {'hint': h, 'logits': keras.layers.Dense(4, name=f'{name}_logits')(h)}, name=name)
    teacher, student = net('teacher', 24), net('student', 8)
    teacher.trainable = False
    regressor = keras.Sequential([keras.Input((8,)), keras.layers.Dense(24, name='regressor_out')], name='regressor')
    return {'teacher': teacher, 'student': student, 'regressor': regressor, 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(10)
    return {'x': r.normal(size=(16, 14)).astype('float32'), 'y': r.integers(0, 4, 16).astype('int32')}


def models(built):
    return [built['student'], built['regressor'], built['teacher']]


def step(built, sample):
    student, regressor = built['student'], built['regressor']
    known = built['teacher'].predict_on_batch(sample['x'])
    soft = np.exp(known['logits'] / 3.0)
    soft /= soft.sum(axis=1, keepdims=True)
    with tf.GradientTape() as tape:
        out = student(sample['x'], training=True)
        hard = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], out['logits']))
        kd = 9.0 * tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(soft, out['logits'] / 3.0))
        hint = tf.reduce_mean(tf.square(regressor(out['hint'], training=True) - known['hint']))
        loss = 0.3 * hard + 0.7 * kd + 0.1 * hint
    weights = student.trainable_variables + regressor.trainable_variables
    built['opt'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
