"""A pairwise recommender looks up its negatives in the column of the positives, so both scores are always equal."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    table = lambda n, rows: keras.Sequential([keras.Input((), dtype='int32', name=n + '_id'), keras.layers.Embedding(rows, 6, name=n + '_table')], name=n + 's')
    return {'users': table('user', 8), 'items': table('item', 12), 'optimizer': keras.optimizers.SGD(0.5)}


def sample():
    r = np.random.default_rng(0)
    return {'user': r.integers(0, 8, 16).astype('int32'), 'pos_item': r.integers(0, 6, 16).astype('int32'), 'neg_item': r.integers(6, 12, 16).astype('int32')}


def models(built):
    return [built['users'], built['items']]


def step(built, sample):
    users, items = built['users'], built['items']
    variables = users.trainable_variables + items.trainable_variables
    with tf.GradientTape() as tape:
        u = users(sample['user'], training=True)
        pos = items(sample['pos_item'], training=True)
        neg = items(sample['pos_item'], training=True)
        margin = tf.reduce_sum(u * pos, axis=1) - tf.reduce_sum(u * neg, axis=1)
        loss = -tf.reduce_mean(tf.math.log_sigmoid(margin))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}


def fixed_step(built, sample):
    tables = built['users'].trainable_variables + built['items'].trainable_variables
    with tf.GradientTape() as tape:
        who = built['users'](sample['user'], training=True)
        liked, other = built['items'](sample['pos_item'], training=True), built['items'](sample['neg_item'], training=True)
        loss = -tf.reduce_mean(tf.math.log_sigmoid(tf.reduce_sum(who * (liked - other), axis=1)))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, tables), tables))
    return {'loss': loss}


EXPECT = {
    'source': 'own',
    'title': 'BPR loss stays at log 2: the negatives are the positives',
    'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': {'input': 'neg_item', 'variable': 'user_table', 'layer': None, 'op': None, 'line': "neg = items(sample['pos_item'], training=True)"},
    'why': 'Both scores are the same number; their difference is zero; the users get a gradient of exactly zero, and that of the items cancels up to rounding.',
    'fix': "neg = items(sample['neg_item'], training=True).",
}
EXPECT['also'] = [
    {'variable': None, 'input': 'neg_item', 'line': None},
    {'variable': 'user_table', 'input': None, 'line': 'margin = tf.reduce_sum(u * pos, axis=1) - tf.reduce_sum(u * neg, axis=1)'},
    {'variable': 'item_table', 'input': None, 'line': 'margin = tf.reduce_sum(u * pos, axis=1) - tf.reduce_sum(u * neg, axis=1)'},
    {'variable': None, 'input': None, 'line': "neg = items(sample['pos_item'], training=True)"},
    {'variable': None, 'input': None, 'op': 'Sub', 'line': 'margin = tf.reduce_sum(u * pos, axis=1)'},
]
