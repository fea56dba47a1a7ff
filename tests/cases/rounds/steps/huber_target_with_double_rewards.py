"""A Q-learning step with the Huber loss: the rewards of the replay buffer are double, the network is float."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    make = lambda n: keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, 'relu', name=n + '_hidden'), keras.layers.Dense(2, name=n + '_q')], name=n)
    online, target = make('online'), make('target')
    target.set_weights(online.get_weights())
    target.trainable = False
    return {'online': online, 'target': target, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'states': r.normal(size=(8, 4)).astype('float32'), 'next_states': r.normal(size=(8, 4)).astype('float32'),
            'actions': r.integers(0, 2, 8), 'rewards': r.normal(size=8), 'done': r.integers(0, 2, 8).astype('float32')}


def models(built):
    return [built['online'], built['target']]


def step(built, sample):
    online, rewards = built['online'], tf.convert_to_tensor(sample['rewards'])
    next_q = tf.reduce_max(built['target'](sample['next_states']), axis=1)
    target = rewards + 0.99 * next_q * (1.0 - sample['done'])
    with tf.GradientTape() as tape:
        q = tf.reduce_sum(online(sample['states'], training=True) * tf.one_hot(sample['actions'], 2), axis=1)
        error = target - q
        loss = tf.reduce_mean(tf.where(tf.abs(error) < 1.0, 0.5 * tf.square(error), tf.abs(error) - 0.5))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, online.trainable_variables), online.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    net = built['online']
    best = tf.reduce_max(built['target'](sample['next_states']), axis=1)
    wanted = tf.cast(sample['rewards'], tf.float32) + 0.99 * best * (1.0 - sample['done'])
    with tf.GradientTape() as tape:
        chosen = tf.gather(net(sample['states'], training=True), sample['actions'], batch_dims=1)
        gap = wanted - chosen
        loss = tf.reduce_mean(tf.where(tf.abs(gap) < 1.0, 0.5 * tf.square(gap), tf.abs(gap) - 0.5))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/39004',
    'title': 'Huber Loss crashes training loop due to data type mismatch',
    'source_kind': 'variant',
    'category': 'dtype_mismatch',
    'culprit': {'input': 'rewards', 'variable': None, 'layer': None, 'op': 'AddV2', 'line': "target = rewards + 0.99 * next_q * (1.0 - sample['done'])"},
    'why': 'The rewards are float64 (NumPy), the values float32; TensorFlow does not mix them.',
    'fix': "Cast the rewards: tf.cast(sample['rewards'], tf.float32).",
}
EXPECT['also'] = [
    {'input': None, 'line': 'target = rewards + 0.99 * next_q'},
    {'input': None, 'op': None, 'line': 'target = rewards + 0.99 * next_q'},
    {'input': None, 'op': None, 'line': "tf.convert_to_tensor(sample['rewards'])"},
    {'input': 'rewards', 'op': None, 'line': None},
]
