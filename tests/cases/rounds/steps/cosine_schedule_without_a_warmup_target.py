"""The learning rate is to be warmed up from zero, but the cosine schedule gets no target, so it stays at zero."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    left, right = keras.Input((6,), name='left'), keras.Input((6,), name='right')
    tower = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, 'relu', name='tower1'), keras.layers.Dense(4, use_bias=False, name='tower2')], name='tower')
    gap = keras.layers.Lambda(lambda ab: tf.abs(ab[0] - ab[1]), name='gap')([tower(left), tower(right)])
    net = keras.Model([left, right], keras.layers.Dense(1, name='same')(gap), name='siamese')
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    return {'left': r.normal(size=(8, 6)).astype('float32'), 'right': r.normal(size=(8, 6)).astype('float32'), 'y': r.integers(0, 2, (8, 1)).astype('float32')}


def models(built):
    return [built]


def step(built, sample):
    schedule = keras.optimizers.schedules.CosineDecay(0.0, decay_steps=1000, warmup_steps=100)
    with tf.GradientTape() as tape:
        logits = built([sample['left'], sample['right']], training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=sample['y'], logits=logits))
    gradients = tape.gradient(loss, built.trainable_variables)
    built.optimizer.learning_rate = schedule(built.optimizer.iterations + 1)
    built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    plan = keras.optimizers.schedules.CosineDecay(0.0, decay_steps=1000, warmup_steps=100, warmup_target=1e-2)
    with tf.GradientTape() as tape:
        scores = built([sample['left'], sample['right']], training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=sample['y'], logits=scores))
    weights = built.trainable_variables
    slopes = tape.gradient(loss, weights)
    built.optimizer.learning_rate = plan(built.optimizer.iterations + 1)
    built.optimizer.apply_gradients(zip(slopes, weights))
    return {'loss': loss}


EXPECT = {
    'source': 'own',
    'title': 'CosineDecay(0.0, ..., warmup_steps=...) without warmup_target: nothing moves',
    'source_kind': 'own',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None,
                'line': 'schedule = keras.optimizers.schedules.CosineDecay(0.0, decay_steps=1000, warmup_steps=100)'},
    'why': 'Without warmup_target the schedule has no warm-up: it decays from the initial rate, which is zero.',
    'fix': 'Give warmup_target.',
}
EXPECT['also'] = [
    {'line': 'built.optimizer.learning_rate = schedule(built.optimizer.iterations + 1)'},
    {'line': 'built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))'},
    {'variable': 'tower1', 'line': None}, {'variable': 'tower2', 'line': None}, {'variable': 'same', 'line': None},
]
