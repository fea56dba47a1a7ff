"""Distillation: the optimizer that was built with the teacher's variables is used for the student as well."""
import numpy as np
import tensorflow as tf
import keras


def network(name, width):
    x = keras.Input((8, 8, 1), name='image')
    h = keras.layers.Conv2D(width, 3, activation='relu', name=f'{name}_conv')(x)
    h = keras.layers.Flatten(name=f'{name}_flat')(h)
    return keras.Model(x, keras.layers.Dense(5, name=f'{name}_logits')(h), name=name)


def build():
    keras.utils.set_random_seed(9)
    opt = keras.optimizers.Adam(1e-3)
    return {'teacher': network('teacher', 8), 'student': network('student', 3), 't_opt': opt, 's_opt': opt}


def fixed():
    keras.utils.set_random_seed(9)
    return {'teacher': network('teacher', 8), 'student': network('student', 3),
            't_opt': keras.optimizers.Adam(1e-3), 's_opt': keras.optimizers.Adam(2e-3)}


def sample():
    r = np.random.default_rng(9)
    return {'image': r.random((12, 8, 8, 1)).astype('float32'), 'label': r.integers(0, 5, 12).astype('int32')}


def models(built):
    return [built['teacher'], built['student']]


cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
TEMPERATURE = 4.0


def step(built, sample):
    teacher, student = built['teacher'], built['student']
    with tf.GradientTape() as tape:
        teacher_loss = cross_entropy(sample['label'], teacher(sample['image'], training=True))
    grads = tape.gradient(teacher_loss, teacher.trainable_variables)
    built['t_opt'].apply_gradients(zip(grads, teacher.trainable_variables))
    soft = tf.nn.softmax(teacher(sample['image'], training=False) / TEMPERATURE)
    with tf.GradientTape() as tape:
        logits = student(sample['image'], training=True)
        hard_loss = cross_entropy(sample['label'], logits)
        soft_loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(soft, logits / TEMPERATURE)) * TEMPERATURE ** 2
        student_loss = 0.3 * hard_loss + 0.7 * soft_loss
    grads = tape.gradient(student_loss, student.trainable_variables)
    built['s_opt'].apply_gradients(zip(grads, student.trainable_variables))
    return {'teacher': teacher_loss, 'student': student_loss}


def fixed_step(built, sample):
    return step(built, sample)

EXPECT = {
    'source': 'https://github.com/lovedlim/tensorflow/issues/40',
    'title': 'Code Error, page 246, Knowledge Distillation (The optimizer cannot recognize variable)',
    'source_kind': 'report',
    'category': 'other',
    'culprit': {'input': None, 'variable': 'student_conv/kernel', 'layer': None, 'op': None,
                'line': "return {'teacher': network('teacher', 8), 'student': network('student', 3), 't_opt': opt, 's_opt': opt}"},
    'why': "A Keras 3 optimizer knows only the variables it was built with, the teacher's; it raises for those of the student.",
    'fix': 'One optimizer for each network.',
    'symptom': [('exception', 'nknown variable')],
    'also': [
        {'variable': None, 'line': "built['s_opt'].apply_gradients(zip(grads, student.trainable_variables))"},
        {'variable': None, 'line': "built['t_opt'].apply_gradients(zip(grads, teacher.trainable_variables))"},
        {'variable': None, 'line': 'opt = keras.optimizers.Adam(1e-3)'},
    ],
}
