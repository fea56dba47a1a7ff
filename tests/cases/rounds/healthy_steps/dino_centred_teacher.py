"""Self-distillation without labels: local views follow a sharpened, centred teacher that is an average of the student."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(12)
    make = lambda n: keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(8, 3, activation='gelu', name=n + '_conv'), keras.layers.GlobalAveragePooling2D(),
                                       keras.layers.Dense(6, name=n + '_proto')], name=n)
    student, teacher = make('student'), make('teacher')
    teacher.set_weights(student.get_weights())
    teacher.trainable = False
    return {'student': student, 'teacher': teacher, 'centre': tf.Variable(tf.zeros((1, 6)), trainable=False), 'optimizer': keras.optimizers.AdamW(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'a': r.normal(size=(6, 10, 10, 1)).astype('float32'), 'b': r.normal(size=(6, 10, 10, 1)).astype('float32'), 'crop': r.normal(size=(6, 6, 6, 1)).astype('float32')}


def models(built):
    return [built['student'], built['teacher']]


def step(built, sample):
    raw = [built['teacher'](sample[k], training=False) for k in 'ab']
    soft = [tf.nn.softmax((t - built['centre']) / 0.04) for t in raw]
    weights = built['student'].trainable_variables
    with tf.GradientTape() as tape:
        views = [built['student'](sample[k], training=True) / 0.1 for k in ('a', 'b', 'crop')]
        terms = [tf.nn.softmax_cross_entropy_with_logits(labels=s, logits=v) for i, s in enumerate(soft) for j, v in enumerate(views) if i != j]
        loss = tf.reduce_mean(tf.add_n(terms)) / len(terms)
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    built['centre'].assign(0.9 * built['centre'] + 0.1 * tf.reduce_mean(tf.concat(raw, 0), axis=0, keepdims=True))
    for t, s in zip(built['teacher'].weights, built['student'].weights):
        t.assign(0.99 * t + 0.01 * s)
    return {'loss': loss}
