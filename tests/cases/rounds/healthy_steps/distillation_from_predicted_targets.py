"""Distillation: the frozen teacher's soft targets come from predict_on_batch, which is right as they are targets."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='distillation', why_hard='predict inside of the tape, but of a frozen teacher that only gives labels', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(5)
    t = keras.Input((9,), dtype='int32', name='tokens')
    h = keras.layers.Bidirectional(keras.layers.LSTM(8, name='t_lstm'), name='t_bi')(keras.layers.Embedding(25, 12, name='t_embed')(t))
    teacher = keras.Model(t, keras.layers.Dense(4, name='t_logits')(h), name='teacher')
    teacher.trainable = False
    t = keras.Input((9,), dtype='int32', name='tokens')
    h = keras.layers.GlobalMaxPooling1D(name='s_pool')(keras.layers.Conv1D(8, 3, activation='relu', name='s_conv')(keras.layers.Embedding(25, 6, name='s_embed')(t)))
    student = keras.Model(t, keras.layers.Dense(4, name='s_logits')(h), name='student')
    return {'teacher': teacher, 'student': student, 'optimizer': keras.optimizers.AdamW(1e-3)}


def sample():
    r = np.random.default_rng(5)
    return {'tokens': r.integers(0, 25, (16, 9)).astype('int32'), 'label': r.integers(0, 4, 16).astype('int32')}


def models(built):
    return [built['student']]


def step(built, sample, temperature=2.0):
    teacher, student = built['teacher'], built['student']
    with tf.GradientTape() as tape:
        soft = tf.nn.softmax(teacher.predict_on_batch(sample['tokens']) / temperature)
        logits = student(sample['tokens'], training=True)
        hard = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=sample['label'], logits=logits))
        kd = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=soft, logits=logits / temperature))
        loss = 0.4 * hard + 0.6 * temperature ** 2 * kd
    grads = tape.gradient(loss, student.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, student.trainable_variables))
    return {'loss': loss, 'kd': kd}
