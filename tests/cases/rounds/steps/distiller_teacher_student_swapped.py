"""Distillation: the constructor stores the student as the teacher and the teacher as the student."""
import numpy as np
import tensorflow as tf
import keras


def net(units, name):
    x = keras.Input((8, 8, 1), name='image')
    h = keras.layers.Conv2D(units, 3, strides=2, activation='relu', name=f'{name}_conv')(x)
    return keras.Model(x, keras.layers.Dense(5, name=f'{name}_logits')(keras.layers.Flatten()(h)), name=name)


class Distiller:
    def __init__(self, student, teacher):
        self.teacher = student
        self.student = teacher


class RightDistiller:
    def __init__(self, student, teacher):
        self.student = student
        self.teacher = teacher


def build():
    keras.utils.set_random_seed(0)
    return {'student': net(4, 'student'), 'teacher': net(16, 'teacher'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(16, 8, 8, 1)).astype('float32'), 'y': r.integers(0, 5, 16)}


def models(built):
    return [built['student']]


def train(distiller, optimizer, sample, alpha=0.1, temperature=3.0):
    teacher_predictions = distiller.teacher(sample['image'], training=False)
    with tf.GradientTape() as tape:
        predictions = distiller.student(sample['image'], training=True)
        student_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(sample['y'], predictions)
        distillation_loss = keras.losses.KLDivergence()(tf.nn.softmax(teacher_predictions / temperature), tf.nn.softmax(predictions / temperature)) * temperature ** 2
        loss = alpha * student_loss + (1 - alpha) * distillation_loss
    trainable_vars = distiller.student.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, trainable_vars), trainable_vars))
    return loss


def step(built, sample):
    return train(Distiller(student=built['student'], teacher=built['teacher']), built['optimizer'], sample)


def fixed_step(built, sample):
    return train(RightDistiller(student=built['student'], teacher=built['teacher']), built['optimizer'], sample)


EXPECT = {
    'source': 'https://github.com/keras-team/keras-io/issues/257',
    'title': 'Knowledge Distillation Typo', 'source_kind': 'report', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'student_conv/kernel', 'layer': None, 'op': None, 'line': 'self.teacher = student'},
    'why': 'The teacher is trained to imitate the student; the student itself never moves.',
    'fix': 'self.student = student; self.teacher = teacher.',
    'also': [{'variable': 'student_', 'line': 'self.student = teacher'}, {'variable': 'student_', 'line': 'trainable_vars = distiller.student.trainable_variables'},
             {'variable': 'student_', 'line': 'teacher_predictions = distiller.teacher(sample'}, {'variable': 'student_', 'line': 'optimizer.apply_gradients(zip(tape.gradient(loss, trainable_vars), trainable_vars))'},
             {'variable': 'student_', 'line': "return train(Distiller(student=built['student'], teacher=built['teacher'])"}, {'layer': 'student', 'line': None}],
    'symptom': [('unmoved', 'student_')],
}
