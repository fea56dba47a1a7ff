"""Distillation of features: the projection to the width of the teacher is a new layer in each step."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(20)
    x = keras.Input((8, 8, 1), name='x')
    h = keras.layers.Conv2D(16, 3, activation='relu', name='t_conv')(x)
    t = keras.layers.GlobalAveragePooling2D(name='t_pool')(h)
    teacher = keras.Model(x, [t, keras.layers.Dense(4, name='t_logits')(t)], name='teacher')
    teacher.trainable = False
    x = keras.Input((8, 8, 1), name='x')
    h = keras.layers.Conv2D(6, 3, activation='relu', name='s_conv')(x)
    s = keras.layers.GlobalAveragePooling2D(name='s_pool')(h)
    student = keras.Model(x, [s, keras.layers.Dense(4, name='s_logits')(s)], name='student')
    return {'teacher': teacher, 'student': student, 'optimizer': keras.optimizers.Adam(1e-3)}


def fixed():
    built = build()
    s = keras.Input((6,), name='student_features')
    built['hint'] = keras.Model(s, keras.layers.Dense(16, name='hint')(s), name='hint_projection')
    return built


def sample():
    r = np.random.default_rng(20)
    return {'x': r.normal(size=(8, 8, 8, 1)).astype('float32'), 'y': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['student']] + ([built['hint']] if 'hint' in built else [])


class DistillationLosses:
    def __init__(self, temperature=3., hint_weight=5.):
        self.temperature, self.hint_weight = temperature, hint_weight

    def soft(self, teacher_logits, student_logits):
        p = tf.nn.softmax(teacher_logits / self.temperature)
        return self.temperature ** 2 * tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(p, student_logits / self.temperature))

    def hint(self, teacher_features, student_features):
        projected = keras.layers.Dense(teacher_features.shape[-1], name='hint')(student_features)
        return self.hint_weight * tf.reduce_mean(tf.square(projected - teacher_features))


def step(built, sample):
    student, losses = built['student'], DistillationLosses()
    teacher_features, teacher_logits = built['teacher'](sample['x'], training=False)
    with tf.GradientTape() as tape:
        features, logits = student(sample['x'], training=True)
        loss = losses.soft(teacher_logits, logits) + losses.hint(teacher_features, features)
        loss += tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
    gradients = tape.gradient(loss, student.trainable_variables)
    built['optimizer'].apply_gradients(zip(gradients, student.trainable_variables))
    return loss


def fixed_step(built, sample):
    student, losses = built['student'], DistillationLosses()
    weights = student.trainable_variables + built['hint'].trainable_variables
    teacher_features, teacher_logits = built['teacher'](sample['x'], training=False)
    with tf.GradientTape() as tape:
        features, logits = student(sample['x'], training=True)
        loss = losses.soft(teacher_logits, logits)
        loss += losses.hint_weight * tf.reduce_mean(tf.square(built['hint'](features, training=True) - teacher_features))
        loss += tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return loss


EXPECT = {
    'source': None, 'title': 'FitNet hint regressor created inside of the loss',
    'source_kind': 'own', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'hint/kernel', 'layer': 'hint', 'op': None, 'line': "projected = keras.layers.Dense(teacher_features.shape[-1], name='hint')(student_features)"},
    'why': 'The projection is random in each step and never trained: the student chases another target each time.',
    'fix': 'Make the projection once and train it.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'keras.layers.Dense(teacher_features.shape[-1]'},
             {'input': None, 'variable': None, 'layer': 'hint', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'loss = losses.soft(teacher_logits, logits) + losses.hint(teacher_features, features)'}],
}
