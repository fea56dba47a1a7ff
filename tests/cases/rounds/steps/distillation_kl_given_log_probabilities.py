"""Distillation of a sound tagger whose student hands log-probabilities to the Keras KL divergence."""
import numpy as np
import tensorflow as tf
import keras


CLASSES, T = 5, 2.0


def tagger(width, name):
    mel = keras.Input((12, 8), name='mel')
    x = keras.layers.Conv1D(width, 3, activation='relu', name=f'{name}_conv')(mel)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model({'mel': mel}, keras.layers.Dense(CLASSES, name=f'{name}_logits')(x), name=name)


def build():
    keras.utils.set_random_seed(3)
    return {'teacher': tagger(16, 'teacher'), 'student': tagger(6, 'student'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(3)
    return {'mel': r.normal(size=(8, 12, 8)).astype('float32')}


def models(built):
    return [built['student']]


def step(built, sample):
    teacher, student = built['teacher'], built['student']
    divergence = keras.losses.KLDivergence()
    soft = tf.nn.softmax(teacher({'mel': sample['mel']}, training=False) / T)
    with tf.GradientTape() as tape:
        guess = tf.nn.log_softmax(student({'mel': sample['mel']}, training=True) / T)
        loss = T ** 2 * divergence(soft, guess)
    grads = tape.gradient(loss, student.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, student.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(student.trainable_variables, grads)}}


def fixed_step(built, sample):
    teacher, student = built['teacher'], built['student']
    divergence = keras.losses.KLDivergence()
    soft = tf.nn.softmax(teacher({'mel': sample['mel']}, training=False) / T)
    with tf.GradientTape() as tape:
        guess = tf.nn.softmax(student({'mel': sample['mel']}, training=True) / T)
        loss = T ** 2 * divergence(soft, guess)
    grads = tape.gradient(loss, student.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, student.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(student.trainable_variables, grads)}}


EXPECT = {
    'source': 'own',
    'title': 'KLDivergence() fed with log_softmax (the convention of another framework)',
    'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None,
                'line': "guess = tf.nn.log_softmax(student({'mel': sample['mel']}, training=True) / T)"},
    'why': 'KLDivergence clips its predictions to [epsilon, 1]; log-probabilities are negative, so all of them are clipped and no gradient passes.',
    'fix': 'Give probabilities (softmax) to KLDivergence.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'loss = T ** 2 * divergence(soft, guess)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'divergence = keras.losses.KLDivergence()'}],
    'symptom': [('grad', 'student_logits/kernel', 'zero'), ('grad', 'student_conv/kernel', 'zero')],
}
