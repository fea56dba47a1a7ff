"""A sequence tagger with a conditional random field: gold score minus the log partition from a forward recursion with padding."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('fresh_s7')
class Transitions(keras.layers.Layer):
    def build(self, shape):
        self.table = self.add_weight(name='table', shape=(shape[-1], shape[-1]), initializer='glorot_uniform')

    def call(self, alpha):
        return tf.reduce_logsumexp(alpha[:, :, None] + self.table[None], axis=1)


def build():
    keras.utils.set_random_seed(8)
    words = keras.Input((6,), dtype='int32', name='words')
    h = keras.layers.Bidirectional(keras.layers.GRU(5, return_sequences=True), name='reader')(keras.layers.Embedding(15, 6, name='words_table')(words))
    emit = keras.Model(words, keras.layers.Dense(3, name='emissions')(h), name='tagger')
    chain = keras.Sequential([keras.Input((3,)), Transitions(name='transitions')], name='chain')
    return {'tagger': emit, 'chain': chain, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'words': r.integers(1, 15, (4, 6)).astype('int32'), 'lengths': np.array([6, 4, 5, 3], 'int32'), 'y': r.integers(0, 3, (4, 6)).astype('int32')}


def models(built):
    return [built['tagger'], built['chain']]


def step(built, sample):
    weights = built['tagger'].trainable_variables + built['chain'].trainable_variables
    table = built['chain'].get_layer('transitions').table
    mask = tf.sequence_mask(sample['lengths'], 6, dtype=tf.float32)
    with tf.GradientTape() as tape:
        e = built['tagger'](sample['words'], training=True)
        gold = tf.reduce_sum(mask * tf.gather(e, sample['y'], batch_dims=2), axis=1)
        pairs = tf.stack([sample['y'][:, :-1], sample['y'][:, 1:]], -1)
        gold += tf.reduce_sum(mask[:, 1:] * tf.gather_nd(tf.convert_to_tensor(table), pairs), axis=1)
        alpha = e[:, 0]
        for t in range(1, 6):
            moved = built['chain'](alpha) + e[:, t]
            alpha = tf.where(mask[:, t, None] > 0, moved, alpha)
        loss = tf.reduce_mean(tf.reduce_logsumexp(alpha, axis=1) - gold)
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
