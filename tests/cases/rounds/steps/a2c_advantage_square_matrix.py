"""A2C: returns of shape (N,) minus values of shape (N, 1) make an N x N advantage and value error."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((10, 4), name='frames')
    h = keras.layers.GRU(16, name='gru')(x)
    net = keras.Model(x, [keras.layers.Dense(3, name='policy')(h), keras.layers.Dense(1, name='value')(h)], name='a2c')
    return {'net': net, 'optimizer': keras.optimizers.RMSprop(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'frames': r.normal(size=(12, 10, 4)).astype('float32'), 'action': r.integers(0, 3, 12), 'returns': r.normal(2., 3., size=12).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net, returns = built['net'], tf.constant(sample['returns'])
    with tf.GradientTape() as tape:
        logits, values = net(sample['frames'], training=True)
        advantage = returns - values
        log_prob = -tf.nn.sparse_softmax_cross_entropy_with_logits(sample['action'], logits)
        policy_loss = -tf.reduce_mean(log_prob * tf.stop_gradient(advantage))
        value_loss = tf.reduce_mean(tf.square(advantage))
        loss = policy_loss + 0.5 * value_loss
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return loss


def fixed_step(built, sample):
    net, returns = built['net'], tf.constant(sample['returns'])
    with tf.GradientTape() as tape:
        logits, values = net(sample['frames'], training=True)
        adv = returns - tf.squeeze(values, -1)
        log_prob = -tf.nn.sparse_softmax_cross_entropy_with_logits(sample['action'], logits)
        loss = -tf.reduce_mean(log_prob * tf.stop_gradient(adv)) + 0.5 * tf.reduce_mean(tf.square(adv))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return loss


EXPECT = {
    'source': 'https://github.com/PacktPublishing/Deep-Reinforcement-Learning-Hands-On/issues/74',
    'title': 'Chapter 10 - Advantage computed the wrong way?', 'source_kind': 'variant', 'category': 'label_shape_broadcast',
    'culprit': {'input': None, 'variable': 'value/kernel', 'layer': None, 'op': 'Sub', 'line': 'advantage = returns - values'},
    'why': "Every return is compared with every state's value: the critic learns the mean return and the policy is weighted by other steps' advantages.",
    'fix': 'Squeeze the values to (N,).',
    'also': [{'input': 'returns', 'variable': None, 'op': None, 'line': 'advantage = returns - values'}, {'layer': 'value', 'variable': None, 'op': None, 'line': 'advantage = returns - values'},
             {'variable': None, 'op': None, 'line': 'value_loss = tf.reduce_mean(tf.square(advantage))'}, {'variable': None, 'op': None, 'line': 'policy_loss = -tf.reduce_mean(log_prob * tf.stop_gradient(advantage))'},
             {'variable': None, 'op': None, 'line': 'advantage = returns - values'}],
}
