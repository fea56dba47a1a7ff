"""A2C: returns of shape (batch,) minus values of shape (batch, 1) give a table of all pairs; every value learns the batch mean."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(12)
    frame = keras.Input((6, 6, 2), name='frame')
    inventory = keras.Input((3,), name='inventory')
    h = keras.layers.Conv2D(6, 3, activation='relu', name='conv')(frame)
    h = keras.layers.Flatten(name='flat')(h)
    h = keras.layers.Concatenate(name='join')([h, inventory])
    h = keras.layers.Dense(16, activation='relu', name='torso')(h)
    outputs = {'logits': keras.layers.Dense(4, name='policy')(h), 'value': keras.layers.Dense(1, name='value')(h)}
    model = keras.Model({'frame': frame, 'inventory': inventory}, outputs, name='agent')
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(12)
    return {'frame': r.random((10, 6, 6, 2)).astype('float32'), 'inventory': r.random((10, 3)).astype('float32'),
            'action': r.integers(0, 4, 10).astype('int32'), 'returns': (3 * r.normal(size=10)).astype('float32')}


def models(built):
    return [built['model']]


def finish(built, tape, loss):
    weights = built['model'].trainable_variables
    grads, _ = tf.clip_by_global_norm(tape.gradient(loss, weights), 0.5)
    built['optimizer'].apply_gradients(zip(grads, weights))
    return loss


def policy_terms(logits, actions):
    log_probs = tf.nn.log_softmax(logits)
    entropy = -tf.reduce_mean(tf.reduce_sum(tf.exp(log_probs) * log_probs, -1))
    return tf.gather(log_probs, actions, batch_dims=1), entropy


def step(built, sample):
    with tf.GradientTape() as tape:
        out = built['model']({'frame': sample['frame'], 'inventory': sample['inventory']}, training=True)
        advantage = sample['returns'] - out['value']
        log_prob, entropy = policy_terms(out['logits'], sample['action'])
        actor_loss = -tf.reduce_mean(log_prob * tf.stop_gradient(advantage))
        critic_loss = tf.reduce_mean(tf.square(advantage))
        loss = actor_loss + 0.5 * critic_loss - 0.01 * entropy
    return finish(built, tape, loss)


def fixed_step(built, sample):
    with tf.GradientTape() as tape:
        out = built['model']({'frame': sample['frame'], 'inventory': sample['inventory']}, training=True)
        advantage = sample['returns'] - tf.squeeze(out['value'], -1)
        log_prob, entropy = policy_terms(out['logits'], sample['action'])
        actor_loss = -tf.reduce_mean(log_prob * tf.stop_gradient(advantage))
        critic_loss = tf.reduce_mean(tf.square(advantage))
        loss = actor_loss + 0.5 * critic_loss - 0.01 * entropy
    return finish(built, tape, loss)


EXPECT = {
    'source': 'https://github.com/PacktPublishing/Deep-Reinforcement-Learning-Hands-On/issues/33',
    'title': 'A3C Bug? (vals_ref_v - value_v has the shape (batch_size, batch_size))',
    'source_kind': 'variant',
    'category': 'label_shape_broadcast',
    'culprit': {'input': 'returns', 'variable': 'value/kernel', 'layer': 'value', 'op': None, 'line': "advantage = sample['returns'] - out['value']"},
    'why': '(10,) - (10, 1) broadcasts to (10, 10): each value is compared with the returns of all states and learns their mean.',
    'fix': 'Squeeze the last axis of the value.',
    'symptom': [('custom', 'row order of the returns does not matter to the critic')],
    'also': [
        {'input': None, 'variable': None, 'layer': None, 'line': "advantage = sample['returns'] - out['value']"},
        {'input': None, 'variable': 'value', 'layer': None, 'line': 'critic_loss = tf.reduce_mean(tf.square(advantage))'},
        {'input': None, 'variable': None, 'layer': None, 'line': 'actor_loss = -tf.reduce_mean(log_prob * tf.stop_gradient(advantage))'},
    ],
}
