"""Accumulation sums the losses of micro-batches that were recorded by different tapes."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(6)
    x = keras.Input((10,), name='x')
    trunk = keras.Model(x, keras.layers.Dense(16, activation='tanh', name='trunk_dense')(x), name='trunk')
    heads = []
    for i in range(4):
        z = keras.Input((16,), name=f'z{i}')
        heads.append(keras.Model(z, keras.layers.Dense(1, name=f'market_{i}')(z), name=f'head_{i}'))
    return {'trunk': trunk, 'heads': heads, 'optimizer': keras.optimizers.Adam(3e-3)}


def sample():
    r = np.random.default_rng(6)
    return {'x': r.normal(size=(4, 8, 10)).astype('float32'), 'y': r.normal(size=(4, 8, 1)).astype('float32')}


def models(built):
    return [built['trunk'], *built['heads']]


class Accumulator:
    def __init__(self, built, every=4):
        self.built, self.every = built, every
        self.count, self.total = 0, 0.
        self.weights = [v for m in models(built) for v in m.trainable_variables]

    def micro_step(self, market, x, y):
        with tf.GradientTape() as tape:
            forecast = self.built['heads'][market](self.built['trunk'](x, training=True), training=True)
            self.total += tf.reduce_mean(tf.square(forecast - y)) / self.every
        self.count += 1
        if self.count == self.every:
            gradients = tape.gradient(self.total, self.weights)
            self.built['optimizer'].apply_gradients(zip(gradients, self.weights))
            self.count = 0
        return self.total


class MendedAccumulator(Accumulator):
    def micro_step(self, market, x, y):
        with tf.GradientTape() as tape:
            forecast = self.built['heads'][market](self.built['trunk'](x, training=True), training=True)
            part = tf.reduce_mean(tf.square(forecast - y)) / self.every
        if self.count == 0:
            self.sums = [tf.zeros(v.shape) for v in self.weights]
        new = tape.gradient(part, self.weights)
        self.sums = [a if b is None else a + b for a, b in zip(self.sums, new)]
        self.total, self.count = self.total + part, self.count + 1
        if self.count == self.every:
            self.built['optimizer'].apply_gradients(zip(self.sums, self.weights))
            self.count = 0
        return self.total


def step(built, sample):
    trainer = Accumulator(built)
    for market, (x, y) in enumerate(zip(sample['x'], sample['y'])):
        loss = trainer.micro_step(market, x, y)
    return loss


def fixed_step(built, sample):
    trainer = MendedAccumulator(built)
    for market, (x, y) in enumerate(zip(sample['x'], sample['y'])):
        loss = trainer.micro_step(market, x, y)
    return loss


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/55478',
    'title': 'Gradient accumulation by summing the losses does not learn',
    'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'market_0/kernel', 'layer': None, 'op': None, 'line': 'gradients = tape.gradient(self.total, self.weights)'},
    'why': 'The last tape has only recorded the last micro-batch: earlier ones are constants for it.',
    'fix': 'Sum gradients.',
    'also': [{'input': None, 'variable': 'market_', 'layer': None, 'op': None, 'line': 'self.total += tf.reduce_mean(tf.square(forecast - y)) / self.every'},
             {'input': None, 'variable': 'market_', 'layer': None, 'op': None, 'line': 'with tf.GradientTape() as tape:'},
             {'input': None, 'variable': 'market_', 'layer': None, 'op': None, 'line': "forecast = self.built['heads'][market](self.built['trunk'](x, training=True), training=True)"}],
}
