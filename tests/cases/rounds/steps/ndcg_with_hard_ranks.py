"""A listwise ranker whose NDCG loss takes the positions from argsort."""
import numpy as np
import tensorflow as tf
import keras
import functools


def build():
    keras.utils.set_random_seed(2)
    user = keras.Input((), dtype='int32', name='user')
    items = keras.Input((6, 5), name='items')
    u = keras.layers.Embedding(20, 4, name='user_table')(user)
    u = keras.layers.RepeatVector(6, name='repeat')(u)
    h = keras.layers.Concatenate(name='join')([u, items])
    h = keras.layers.Dense(16, activation='gelu', name='mix')(h)
    s = keras.layers.Reshape((6,), name='scores')(keras.layers.Dense(1, name='score')(h))
    return {'ranker': keras.Model({'user': user, 'items': items}, s, name='ranker'), 'optimizer': keras.optimizers.Adagrad(0.05)}


def sample():
    r = np.random.default_rng(2)
    return {'user': r.integers(0, 20, 8).astype('int32'), 'items': r.normal(size=(8, 6, 5)).astype('float32'),
            'y': r.integers(0, 4, (8, 6)).astype('float32')}


def models(built):
    return [built['ranker']]


def positions(scores):
    order = tf.argsort(scores, direction='DESCENDING')
    return tf.cast(tf.argsort(order), tf.float32)


def smooth_positions(scores, temperature=1.0):
    return tf.reduce_sum(tf.sigmoid((scores[:, None, :] - scores[:, :, None]) / temperature), -1) - 0.5


def ndcg_loss(relevance, scores, rank_fn):
    gain = tf.pow(2., relevance) - 1.
    dcg = tf.reduce_sum(gain / tf.math.log(2. + rank_fn(scores)), -1)
    ideal = tf.reduce_sum(tf.sort(gain, direction='DESCENDING') / tf.math.log(2. + tf.range(6, dtype=tf.float32)), -1)
    return tf.reduce_mean(1. - dcg / tf.maximum(ideal, 1e-6))


class Trainer:
    def __init__(self, ranker, optimizer, criterion):
        self.ranker, self.optimizer, self.criterion = ranker, optimizer, criterion

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            scores = self.ranker({'user': batch['user'], 'items': batch['items']}, training=True)
            loss = self.criterion(batch['y'], scores)
        gradients = tape.gradient(loss, self.ranker.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.ranker.trainable_variables))
        return loss


def step(built, sample):
    return Trainer(criterion=functools.partial(ndcg_loss, rank_fn=positions), **built).train_step(sample)


def fixed_step(built, sample):
    ranks = functools.partial(smooth_positions, temperature=0.5)
    return Trainer(criterion=functools.partial(ndcg_loss, rank_fn=ranks), **built).train_step(sample)


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/16663',
    'title': 'No gradients provided for any variable (loss of argsort of argsort)',
    'source_kind': 'variant', 'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'mix/kernel', 'layer': None, 'op': 'TopKV2', 'line': "order = tf.argsort(scores, direction='DESCENDING')"},
    'why': 'The positions are integers: the loss does not depend on the scores for the tape.',
    'fix': 'Smooth positions from pairwise sigmoids.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return tf.cast(tf.argsort(order), tf.float32)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'tf.argsort(scores'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'dcg = tf.reduce_sum(gain / tf.math.log(2. + rank_fn(scores)), -1)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "loss = self.criterion(batch['y'], scores)"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'rank_fn=positions'}],
}
