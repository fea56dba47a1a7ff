"""Retrieval: the scores are taken against an index variable that is refreshed from the item tower."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(9)
    u = keras.Input((), dtype='int32', name='user')
    h = keras.layers.Embedding(30, 8, name='user_embedding')(u)
    user = keras.Model(u, keras.layers.Dense(8, name='user_out')(h), name='user_tower')
    i = keras.Input((7,), name='item')
    h = keras.layers.Dense(16, activation='relu', name='item_hidden')(i)
    item = keras.Model(i, keras.layers.Dense(8, name='item_out')(h), name='item_tower')
    return {'user_tower': user, 'item_tower': item, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(9)
    return {'user': r.integers(0, 30, 12).astype('int32'), 'catalogue': r.normal(size=(20, 7)).astype('float32'),
            'y': r.integers(0, 20, 12).astype('int32')}


def models(built):
    return [built['user_tower'], built['item_tower']]


class BruteForceIndex:
    def __init__(self, tower, size, dim=8):
        self.tower = tower
        self.vectors = tf.Variable(tf.zeros([size, dim]), trainable=False, name='index')

    def refresh(self, catalogue):
        self.vectors.assign(self.tower(catalogue, training=True))
        return self

    def scores(self, queries):
        return tf.matmul(queries, self.vectors, transpose_b=True) / tf.sqrt(8.)


class FreshIndex(BruteForceIndex):
    def refresh(self, catalogue):
        self.vectors = self.tower(catalogue, training=True)
        return self


def train(built, sample, index):
    weights = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        queries = built['user_tower'](sample['user'], training=True)
        logits = index.refresh(sample['catalogue']).scores(queries)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return loss


def step(built, sample):
    return train(built, sample, BruteForceIndex(built['item_tower'], len(sample['catalogue'])))


def fixed_step(built, sample):
    return train(built, sample, FreshIndex(built['item_tower'], len(sample['catalogue'])))


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/54532',
    'title': 'tape.gradient returns None when assign is used in a model',
    'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'item_out/kernel', 'layer': None, 'op': 'AssignVariableOp', 'line': 'self.vectors.assign(self.tower(catalogue, training=True))'},
    'why': 'An assignment is not recorded: the item tower is not in the graph of the loss.',
    'fix': 'Score against the tensor.',
    'also': [{'input': None, 'variable': 'item_', 'layer': None, 'op': None, 'line': 'self.vectors.assign('},
             {'input': None, 'variable': 'item_', 'layer': None, 'op': None, 'line': 'tf.matmul(queries, self.vectors, transpose_b=True)'},
             {'input': None, 'variable': 'item_', 'layer': None, 'op': 'ReadVariableOp', 'line': None},
             {'input': None, 'variable': 'item_', 'layer': None, 'op': None, 'line': "logits = index.refresh(sample['catalogue']).scores(queries)"}],
}
