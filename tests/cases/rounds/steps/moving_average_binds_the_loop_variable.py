"""Self-distillation: the moving average binds the loop variable anew, so the teacher stays at its initial weights."""
import numpy as np
import tensorflow as tf
import keras


def network(name):
    x = keras.Input((20, 4), name='signal')
    h = keras.layers.Conv1D(8, 5, strides=2, activation='gelu', name=f'{name}_conv')(x)
    h = keras.layers.GlobalAveragePooling1D(name=f'{name}_pool')(h)
    return keras.Model(x, keras.layers.Dense(10, name=f'{name}_proj')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    student, teacher = network('student'), network('teacher')
    teacher.set_weights(student.get_weights())
    teacher.trainable = False
    return {'student': student, 'teacher': teacher, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(12, 20, 4)).astype('float32')
    return {'global_view': x, 'local_view': (x * (r.uniform(size=(12, 20, 1)) > 0.3)).astype('float32')}


def models(built):
    return [built['student'], built['teacher']]


def distill(built, sample):
    student = built['student']
    logits = built['teacher'](sample['global_view'])
    target = tf.nn.softmax((logits - tf.reduce_mean(logits, axis=0)) / 0.1)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, student(sample['local_view'], training=True) / 0.2))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, student.trainable_variables), student.trainable_variables))
    return loss


def step(built, sample, momentum=0.99):
    loss = distill(built, sample)
    for slow, fast in zip(built['teacher'].weights, built['student'].weights):
        slow = momentum * slow + (1.0 - momentum) * fast
    return {'loss': loss}


def fixed_step(built, sample, momentum=0.99):
    loss = distill(built, sample)
    for slow, fast in zip(built['teacher'].weights, built['student'].weights):
        slow.assign(momentum * slow + (1.0 - momentum) * fast)
    return {'loss': loss}


LINE = 'slow = momentum * slow + (1.0 - momentum) * fast'
EXPECT = {
    'source': 'https://github.com/TanyaChutani/DINO_Tf2.x/issues/1',
    'title': 'where are the teacher weights updated?',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': 'teacher_conv/kernel', 'layer': None, 'op': None, 'line': LINE},
    'why': 'The assignment binds the name to a new tensor; no variable of the teacher changes.',
    'fix': 'slow.assign(...)',
    'symptom': [('unmoved', 'teacher')],
}
EXPECT['also'] = [{'variable': 'teacher', 'line': LINE}, {'layer': 'teacher', 'line': LINE}, {'line': LINE},
                  {'variable': 'teacher', 'line': "for slow, fast in zip(built['teacher'].weights, built['student'].weights):"}]
