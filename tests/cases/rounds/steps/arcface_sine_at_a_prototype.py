"""Angular-margin loss whose prototypes start as the embeddings of one enrolled face per person."""
import numpy as np
import tensorflow as tf
import keras


PEOPLE, M, S = 4, 0.5, 8.0


def build():
    keras.utils.set_random_seed(6)
    face = keras.Input((8, 8, 1), name='face')
    x = keras.layers.Conv2D(4, 3, strides=2, activation='relu', name='conv')(face)
    x = keras.layers.Dense(6, name='embedding')(keras.layers.Flatten()(x))
    embedder = keras.Model({'face': face}, x, name='embedder')
    prototypes = keras.layers.Dense(PEOPLE, use_bias=False, name='prototypes')
    prototypes.build((None, 6))
    enrolled = embedder({'face': sample()['face'][:PEOPLE]})
    prototypes.kernel.assign(tf.transpose(enrolled))
    recogniser = keras.Model({'face': face}, prototypes(x), name='recogniser')
    return {'embedder': embedder, 'recogniser': recogniser, 'optimizer': keras.optimizers.SGD(0.01)}


def sample():
    r = np.random.default_rng(6)
    return {'face': r.uniform(size=(8, 8, 8, 1)).astype('float32'), 'y': (np.arange(8) % PEOPLE).astype('int32')}


def models(built):
    return [built['recogniser']]


def step(built, sample):
    recogniser = built['recogniser']
    with tf.GradientTape() as tape:
        z = tf.nn.l2_normalize(built['embedder']({'face': sample['face']}, training=True), -1)
        p = tf.nn.l2_normalize(recogniser.get_layer('prototypes').kernel, 0)
        cosine = tf.clip_by_value(tf.matmul(z, p), -1.0, 1.0)
        sine = tf.sqrt(1.0 - tf.square(cosine))
        target = tf.one_hot(sample['y'], PEOPLE)
        logits = S * (target * (cosine * np.cos(M) - sine * np.sin(M)) + (1.0 - target) * cosine)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))
    grads = tape.gradient(loss, recogniser.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, recogniser.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(recogniser.trainable_variables, grads)}}


def fixed_step(built, sample):
    recogniser = built['recogniser']
    with tf.GradientTape() as tape:
        z = tf.nn.l2_normalize(built['embedder']({'face': sample['face']}, training=True), -1)
        p = tf.nn.l2_normalize(recogniser.get_layer('prototypes').kernel, 0)
        cosine = tf.matmul(z, p)
        sine = tf.sqrt(tf.clip_by_value(1.0 - tf.square(cosine), 1e-6, 1.0))
        target = tf.one_hot(sample['y'], PEOPLE)
        logits = S * (target * (cosine * np.cos(M) - sine * np.sin(M)) + (1.0 - target) * cosine)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))
    grads = tape.gradient(loss, recogniser.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, recogniser.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(recogniser.trainable_variables, grads)}}


EXPECT = {
    'source': 'https://github.com/ktjonsson/keras-ArcFace/issues/2',
    'title': 'NaN loss',
    'source_kind': 'report',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'Sqrt', 'line': 'sine = tf.sqrt(1.0 - tf.square(cosine))'},
    'why': 'An embedding lies on its prototype: the cosine is 1 and the square root of 0 has an infinite derivative.',
    'fix': 'Bound the argument of the square root away from 0.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'cosine = tf.clip_by_value(tf.matmul(z, p), -1.0, 1.0)'}],
    'symptom': [('grad', 'prototypes/kernel', 'nonfinite')],
}
