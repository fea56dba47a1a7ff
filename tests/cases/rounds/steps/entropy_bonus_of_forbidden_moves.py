"""Policy gradient for a board game that masks the forbidden moves and adds an entropy bonus."""
import numpy as np
import tensorflow as tf
import keras


MOVES = 9


def build():
    keras.utils.set_random_seed(8)
    board = keras.Input((3, 3, 2), name='board')
    x = keras.layers.Conv2D(8, 2, activation='relu', name='stem')(board)
    x = keras.layers.Flatten()(x)
    policy, value = keras.layers.Dense(MOVES, name='policy')(x), keras.layers.Dense(1, name='value')(x)
    return {'net': keras.Model({'board': board}, {'policy': policy, 'value': value}, name='player'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(8)
    legal = r.uniform(size=(6, MOVES)) > 0.4
    legal[:, 4] = True
    return {'board': r.integers(0, 2, (6, 3, 3, 2)).astype('float32'), 'legal': legal, 'move': np.full(6, 4, 'int32'),
            'return': r.normal(size=6).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        out = net({'board': sample['board']}, training=True)
        value = tf.squeeze(out['value'], -1)
        scores = tf.where(sample['legal'], out['policy'], -np.inf)
        log_p = tf.nn.log_softmax(scores)
        chosen = tf.gather(log_p, sample['move'], batch_dims=1)
        advantage = sample['return'] - tf.stop_gradient(value)
        entropy = -tf.reduce_sum(tf.exp(log_p) * log_p, -1)
        loss = tf.reduce_mean(-advantage * chosen + 0.5 * tf.square(sample['return'] - value) - 0.01 * entropy)
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


def fixed_step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        out = net({'board': sample['board']}, training=True)
        value = tf.squeeze(out['value'], -1)
        scores = tf.where(sample['legal'], out['policy'], -1e9)
        log_p = tf.nn.log_softmax(scores)
        chosen = tf.gather(log_p, sample['move'], batch_dims=1)
        advantage = sample['return'] - tf.stop_gradient(value)
        entropy = -tf.reduce_sum(tf.exp(log_p) * log_p, -1)
        loss = tf.reduce_mean(-advantage * chosen + 0.5 * tf.square(sample['return'] - value) - 0.01 * entropy)
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


EXPECT = {
    'source': 'https://github.com/hill-a/stable-baselines/pull/453',
    'title': 'Invalid Action Mask [WIP]',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'policy', 'layer': None, 'op': None, 'line': "scores = tf.where(sample['legal'], out['policy'], -np.inf)"},
    'why': 'A forbidden move has probability 0 and log-probability minus infinity; their product in the entropy is NaN.',
    'fix': 'Mask with a large finite number.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'entropy = -tf.reduce_sum(tf.exp(log_p) * log_p, -1)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'log_p = tf.nn.log_softmax(scores)'}],
    'symptom': [('grad', 'policy/kernel', 'nonfinite'), ('grad', 'stem/kernel', 'nonfinite')],
}
