"""Distillation from a frozen teacher that is called with predict_on_batch before the tape; logits at a temperature and a feature hint through a regressor."""
import numpy as np
import tensorflow as tf
import keras


def net(name, width):
    x = keras.Input((12, 3), name='seq')
    h = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(width, 3, activation='relu', name=f'{name}_conv')(x))
    return keras.Model(x, [h, keras.layers.Dense(4, name=f'{name}_out')(h)], name=name)


def build():
    keras.utils.set_random_seed(0)
    teacher = net('teacher', 24)
    teacher.trainable = False
    h = keras.Input((6,), name='features')
    return {'teacher': teacher, 'student': net('student', 6), 'regressor': keras.Model(h, keras.layers.Dense(24, name='hint')(h), name='regressor'), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'seq': r.normal(size=(16, 12, 3)).astype('float32'), 'y': r.integers(0, 4, 16)}


def models(built):
    return [built['student'], built['regressor'], built['teacher']]


def step(built, sample, T=4.0):
    hint, teacher_logits = built['teacher'].predict_on_batch(sample['seq'])
    variables = built['student'].trainable_weights + built['regressor'].trainable_weights
    with tf.GradientTape() as tape:
        features, logits = built['student'](sample['seq'], training=True)
        hard = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
        soft = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(teacher_logits / T), logits / T)) * T * T
        loss = 0.3 * hard + 0.7 * soft + 0.1 * tf.reduce_mean((built['regressor'](features) - hint) ** 2)
    built['opt'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss
