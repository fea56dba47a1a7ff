"""Distillation from a frozen teacher: soft labels, a trained projection, attention maps of sub-models."""
import numpy as np
import tensorflow as tf
import keras


def backbone(name, width):
    x = keras.Input((8, 8, 1), name='x')
    h = keras.layers.Conv2D(width, 3, activation='relu', name=f'{name}_conv')(x)
    f = keras.layers.GlobalAveragePooling2D(name=f'{name}_gap')(h)
    return keras.Model(x, {'map': h, 'features': f, 'logits': keras.layers.Dense(4, name=f'{name}_logits')(f)}, name=name)


def build():
    keras.utils.set_random_seed(114)
    teacher, student = backbone('teacher', 16), backbone('student', 6)
    teacher.trainable = False
    f = keras.Input((6,), name='f')
    hint = keras.Model(f, keras.layers.Dense(16, name='hint_dense')(f), name='hint')
    return {'teacher': teacher, 'student': student, 'hint': hint, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(114)
    return {'x': r.normal(size=(8, 8, 8, 1)).astype('float32'), 'y': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['student'], built['hint'], built['teacher']]


def attention(feature_map):
    a = tf.reduce_mean(tf.square(feature_map), -1)
    return tf.math.l2_normalize(tf.reshape(a, [tf.shape(a)[0], -1]), -1)


def terms(y, s, t, hint, temperature=4.):
    yield 'hard', 0.5 * tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, s['logits']))
    yield 'soft', temperature ** 2 * keras.losses.KLDivergence()(tf.nn.softmax(t['logits'] / temperature), tf.nn.softmax(s['logits'] / temperature))
    yield 'hint', tf.reduce_mean(tf.square(hint(s['features'], training=True) - t['features']))
    yield 'attention', tf.reduce_mean(tf.reduce_sum(tf.square(attention(s['map']) - attention(t['map'])), -1))


def step(built, sample):
    student, hint = built['student'], built['hint']
    weights = [*student.trainable_variables, *hint.trainable_variables]
    t = {k: tf.stop_gradient(v) for k, v in built['teacher'](sample['x'], training=False).items()}
    with tf.GradientTape() as tape:
        parts = dict(terms(sample['y'], student(sample['x'], training=True), t, hint))
        loss = sum(parts.values())
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {k: float(v) for k, v in parts.items()}


NOTES = dict(family='distillation', why_hard='frozen teacher called outside of the tape; loss by a generator function', legit_nongradient=[])
