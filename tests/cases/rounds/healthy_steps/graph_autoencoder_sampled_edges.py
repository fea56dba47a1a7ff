"""Graph: sparse adjacency, encoder inside of the tape, positive and sampled negative edges."""
import numpy as np
import tensorflow as tf
import keras


class Encoder(keras.Model):
    def __init__(self):
        super().__init__(name='encoder')
        self.a, self.b = keras.layers.Dense(12, name='a'), keras.layers.Dense(6, name='b')

    def call(self, features, adjacency):
        h = tf.nn.relu(tf.sparse.sparse_dense_matmul(adjacency, self.a(features)))
        return tf.sparse.sparse_dense_matmul(adjacency, self.b(h))


def build():
    keras.utils.set_random_seed(15)
    encoder = Encoder()
    encoder.a.build((None, 5))
    encoder.b.build((None, 12))
    encoder.built = True
    return {'encoder': encoder, 'bias': tf.Variable(0.0, name='bias'), 'opt': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(15)
    return {'features': r.normal(size=(15, 5)).astype('float32'), 'edges': r.integers(0, 15, (25, 2)).astype('int64')}


def models(built):
    return [built['encoder']]


def step(built, sample):
    encoder, bias = built['encoder'], built['bias']
    n = len(sample['features'])
    both = np.unique(np.concatenate([sample['edges'], sample['edges'][:, ::-1], np.stack([np.arange(n)] * 2, axis=1)]), axis=0)
    degree = np.bincount(both[:, 0], minlength=n)
    values = (1.0 / np.sqrt(degree[both[:, 0]] * degree[both[:, 1]])).astype('float32')
    adjacency = tf.sparse.SparseTensor(both, values, (n, n))
    wrong = np.random.default_rng(0).integers(0, n, sample['edges'].shape)
    with tf.GradientTape() as tape:
        z = encoder(sample['features'], adjacency)
        def score(pairs):
            return tf.reduce_sum(tf.gather(z, pairs[:, 0]) * tf.gather(z, pairs[:, 1]), axis=1) + bias
        good, bad = score(sample['edges']), score(wrong)
        loss = -tf.reduce_mean(tf.math.log_sigmoid(good)) - tf.reduce_mean(tf.math.log_sigmoid(-bad))
    weights = encoder.trainable_variables + [bias]
    built['opt'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
