"""Intent classifier whose student is built on the word table of the teacher that the step freezes."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(16)
    words = keras.layers.Embedding(30, 8, name='words')

    def make(units, name):
        text, channel = keras.Input((6,), dtype='int32', name='text'), keras.Input((2,), name='channel')
        x = keras.layers.Bidirectional(keras.layers.GRU(units, name='gru'), name=f'{name}_reader')(words(text))
        return keras.Model({'text': text, 'channel': channel}, keras.layers.Dense(4, name=f'{name}_intent')(keras.layers.Concatenate()([x, channel])), name=name)

    return {'teacher': make(12, 'teacher'), 'student': make(4, 'student'), 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(16)
    return {'text': r.integers(0, 30, (8, 6)).astype('int32'), 'channel': r.normal(size=(8, 2)).astype('float32'), 'y': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['student']]


def step(built, sample):
    teacher, student = built['teacher'], built['student']
    x = {'text': sample['text'], 'channel': sample['channel']}
    teacher.trainable = False
    soft = tf.nn.softmax(teacher(x, training=False) / 2.0)
    with tf.GradientTape() as tape:
        logits = student(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)
                              + tf.nn.softmax_cross_entropy_with_logits(soft, logits / 2.0))
    grads = tape.gradient(loss, student.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, student.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(student.trainable_variables, grads)}}


def fixed_step(built, sample):
    teacher, student = built['teacher'], built['student']
    x = {'text': sample['text'], 'channel': sample['channel']}
    soft = tf.stop_gradient(tf.nn.softmax(teacher(x, training=False) / 2.0))
    with tf.GradientTape() as tape:
        logits = student(x, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)
                              + tf.nn.softmax_cross_entropy_with_logits(soft, logits / 2.0))
    grads = tape.gradient(loss, student.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, student.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(student.trainable_variables, grads)}}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/13436',
    'title': 'trainable=False on shared layers broken in 2.2.4-tf?',
    'source_kind': 'variant',
    'category': 'frozen',
    'culprit': {'input': None, 'variable': 'words', 'layer': None, 'op': None, 'line': 'teacher.trainable = False'},
    'why': 'Freezing the teacher freezes its layers, among them the word table that the student shares and has to train.',
    'fix': 'Do not freeze the teacher (it is not in the list of variables anyway), or give the student its own table.',
    'also': [],
    'symptom': [('unmoved', 'words/embeddings')],
}
