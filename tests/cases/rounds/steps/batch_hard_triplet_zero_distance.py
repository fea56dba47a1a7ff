"""Batch-hard soft-margin triplet loss on sequences: an identity whose sequences are all alike has zero distances, at which the root has an infinite slope."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(11)
    tokens = keras.Input((7,), dtype='int32', name='tokens')
    h = keras.layers.Embedding(20, 8, name='embed')(tokens)
    h = keras.layers.Bidirectional(keras.layers.LSTM(6, name='lstm'), name='bilstm')(h)
    h = keras.layers.Dense(6, name='project')(h)
    model = keras.Model(tokens, keras.layers.UnitNormalization(name='unit')(h), name='sequence_encoder')
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(11)
    tokens = r.integers(0, 20, (12, 7))
    tokens[1:3] = tokens[0]
    return {'tokens': tokens.astype('int32'), 'identity': np.repeat(np.arange(4), 3).astype('int32')}


def models(built):
    return [built['model']]


def pairwise(embeddings, floor=0.0):
    difference = embeddings[:, None] - embeddings[None]
    squared = tf.reduce_sum(tf.square(difference), -1)
    return tf.sqrt(squared + floor)


def batch_hard(distance, labels):
    same = tf.equal(labels[:, None], labels[None])
    hardest_positive = tf.reduce_max(tf.where(same, distance, -1e6), 1)
    hardest_negative = tf.reduce_min(tf.where(same, 1e6, distance), 1)
    return tf.reduce_mean(tf.nn.softplus(hardest_positive - hardest_negative))


def update(built, sample, floor):
    model = built['model']
    with tf.GradientTape() as tape:
        embeddings = model(sample['tokens'], training=True)
        loss = batch_hard(pairwise(embeddings, floor), sample['identity'])
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return loss


def step(built, sample):
    return update(built, sample, 0.0)


def fixed_step(built, sample):
    return update(built, sample, 1e-8)


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/30199',
    'title': 'Gradient returns "Nan" values when using triplet loss with similar batches',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'project/kernel', 'layer': None, 'op': 'Sqrt', 'line': 'return tf.sqrt(squared + floor)'},
    'why': 'The hardest positive of the first identity is at distance 0, where the slope of the root is infinite; times the zero difference it is NaN.',
    'fix': 'Add a small number below the root.',
    'symptom': [('nonfinite', 'project/kernel')],
    'also': [
        {'variable': None, 'op': 'Sqrt', 'line': 'return tf.sqrt(squared + floor)'},
        {'variable': None, 'op': None, 'line': 'return tf.sqrt(squared + floor)'},
        {'variable': None, 'op': 'SqrtGrad', 'line': 'return tf.sqrt(squared + floor)'},
        {'variable': None, 'op': None, 'line': 'return update(built, sample, 0.0)'},
        {'variable': None, 'op': None, 'line': "loss = batch_hard(pairwise(embeddings, floor), sample['identity'])"},
    ],
}
