"""Seq2seq with scheduled sampling: argmax tokens are fed back for some rows; padding is masked out of the loss."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3h')
class Seq2Seq(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.src, self.tgt = keras.layers.Embedding(12, 6, name='src'), keras.layers.Embedding(12, 6, name='tgt')
        self.encoder = keras.layers.GRU(10, return_state=True, name='enc')
        self.cell, self.out = keras.layers.GRUCell(10, name='dec'), keras.layers.Dense(12, name='vocab')

    def encode(self, x):
        return self.encoder(self.src(x))[1]

    def decode(self, token, state):
        h, states = self.cell(self.tgt(token), [state])
        return self.out(h), states[0]

    def call(self, x):
        return self.decode(x[:, 0], self.encode(x))[0]


def build():
    keras.utils.set_random_seed(0)
    model = Seq2Seq(name='s2s')
    model(tf.zeros((1, 3), tf.int32))
    return {'model': model, 'opt': keras.optimizers.Adam(2e-3, clipnorm=1.0)}


def sample():
    r = np.random.default_rng(0)
    y = r.integers(2, 12, (8, 6))
    y[:, 0], y[3:, 4:] = 1, 0
    return {'x': r.integers(2, 12, (8, 5)), 'y': y, 'teacher': r.uniform(size=(8, 6)) < 0.6}


def models(built):
    return [built['model']]


def step(built, sample):
    model, y = built['model'], tf.constant(sample['y'])
    with tf.GradientTape() as tape:
        state, token = model.encode(tf.constant(sample['x'])), y[:, 0]
        loss, n = 0.0, 0.0
        for t in range(1, y.shape[1]):
            logits, state = model.decode(token, state)
            mask = tf.cast(y[:, t] != 0, tf.float32)
            loss += tf.reduce_sum(mask * tf.nn.sparse_softmax_cross_entropy_with_logits(y[:, t], logits))
            n += tf.reduce_sum(mask)
            token = tf.where(sample['teacher'][:, t], y[:, t], tf.argmax(logits, -1))
        loss /= n
    built['opt'].apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    return loss
