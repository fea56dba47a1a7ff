"""Matrix factorisation with BPR: negatives drawn by NumPy, biases, L2 on the rows used only."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='S5h')
class MF(keras.Model):
    def __init__(self, users, items, dim, **kw):
        super().__init__(**kw)
        self.users, self.items, self.dim = users, items, dim
        self.p = keras.layers.Embedding(users, dim, name='p')
        self.q = keras.layers.Embedding(items, dim, name='q')
        self.b = keras.layers.Embedding(items, 1, name='b')

    def call(self, inputs):
        u, i = inputs
        return tf.reduce_sum(self.p(u) * self.q(i), -1) + self.b(i)[:, 0]


def build():
    keras.utils.set_random_seed(109)
    net = MF(8, 15, 6, name='mf')
    net((tf.zeros([1], tf.int32), tf.zeros([1], tf.int32)))
    return {'net': net, 'optimizer': keras.optimizers.Adam(5e-3)}


def sample():
    r = np.random.default_rng(109)
    return {'user': r.integers(0, 8, 20).astype('int32'), 'item': r.integers(0, 15, 20).astype('int32')}


def models(built):
    return [built['net']]


class NegativeSampler:
    def __init__(self, items, n_items, power=0.75, seed=0):
        counts = np.bincount(items, minlength=n_items) ** power + 1e-3
        self.p, self.rng = counts / counts.sum(), np.random.default_rng(seed)

    def __call__(self, positives):
        drawn = self.rng.choice(len(self.p), len(positives), p=self.p)
        clash = drawn == positives
        drawn[clash] = (drawn[clash] + 1) % len(self.p)
        return drawn.astype('int32')


def step(built, sample):
    net, sampler = built['net'], NegativeSampler(sample['item'], 15)
    for _ in range(2):
        negatives = sampler(sample['item'])
        with tf.GradientTape() as tape:
            margin = net((sample['user'], sample['item']), training=True) - net((sample['user'], negatives), training=True)
            rows = tf.add_n([tf.nn.l2_loss(net.p(sample['user'])), tf.nn.l2_loss(net.q(sample['item'])), tf.nn.l2_loss(net.q(negatives))])
            loss = -tf.reduce_mean(tf.math.log_sigmoid(margin)) + 1e-3 * rows / len(negatives)
        gradients = tape.gradient(loss, net.trainable_variables)
        built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return {'loss': loss, 'auc': float(np.mean(margin.numpy() > 0))}


NOTES = dict(family='recommender', why_hard='negatives come from NumPy', legit_nongradient=[])
