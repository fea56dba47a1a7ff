"""Double DQN for grid control: the TD error is built from the target network's Q values, the online network only picks the next action."""
import numpy as np
import tensorflow as tf
import keras


def q_net(name):
    s = keras.Input((6,), name=f'{name}_state')
    h = keras.layers.Dense(24, activation='relu', name=f'{name}_hidden')(s)
    return keras.Model(s, keras.layers.Dense(3, name=f'{name}_q')(h), name=name)


def build():
    keras.utils.set_random_seed(5)
    online, target = q_net('online'), q_net('target')
    target.set_weights(online.get_weights())
    return {'online': online, 'target': target, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(5)
    return {'state': r.normal(size=(16, 6)).astype('float32'), 'next_state': r.normal(size=(16, 6)).astype('float32'), 'action': r.integers(0, 3, 16).astype('int32'),
            'reward': r.normal(size=16).astype('float32'), 'done': (r.random(16) < 0.1).astype('float32')}


def models(built):
    return [built['online'], built['target']]


def step(built, sample):
    online, target = built['online'], built['target']
    with tf.GradientTape() as tape:
        best = tf.argmax(online(sample['next_state'], training=True), axis=1)
        bootstrap = tf.gather(target(sample['next_state']), best, axis=1, batch_dims=1)
        goal = tf.stop_gradient(sample['reward'] + 0.99 * (1.0 - sample['done']) * bootstrap)
        taken = tf.gather(target(sample['state']), sample['action'], axis=1, batch_dims=1)
        loss = tf.reduce_mean(tf.square(goal - taken))
    grads = tape.gradient(loss, online.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, online.trainable_variables))
    for t, o in zip(target.variables, online.variables):
        t.assign(0.99 * t + 0.01 * o)
    return {'loss': loss}


def fixed_step(built, sample):
    online, target = built['online'], built['target']
    with tf.GradientTape() as tape:
        best = tf.argmax(online(sample['next_state'], training=True), axis=1)
        bootstrap = tf.gather(target(sample['next_state']), best, axis=1, batch_dims=1)
        goal = tf.stop_gradient(sample['reward'] + 0.99 * (1.0 - sample['done']) * bootstrap)
        taken = tf.gather(online(sample['state'], training=True), sample['action'], axis=1, batch_dims=1)
        loss = tf.reduce_mean(tf.square(goal - taken))
    grads = tape.gradient(loss, online.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, online.trainable_variables))
    for t, o in zip(target.variables, online.variables):
        t.assign(0.99 * t + 0.01 * o)
    return {'loss': loss}


EXPECT = {
    'source': 'own', 'title': 'The wrong network in the TD error', 'source_kind': 'own',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'online_hidden/kernel', 'layer': None, 'op': None, 'line': "taken = tf.gather(target(sample['state']), sample['action'], axis=1, batch_dims=1)"},
    'why': 'The online network enters only through an argmax; none of its variables gets a gradient and the optimizer raises.',
    'fix': 'Take the Q value of the chosen action from the online network.',
}
EXPECT['also'] = [{'variable': 'online'}, {'variable': None}, {'op': 'ArgMax', 'line': "best = tf.argmax(online(sample['next_state'], training=True), axis=1)"},
                  {'line': "best = tf.argmax(online(sample['next_state'], training=True), axis=1)"}, {'line': 'grads = tape.gradient(loss, online.trainable_variables)'},
                  {'line': 'loss = tf.reduce_mean(tf.square(goal - taken))'}, {'layer': 'target'}, {'layer': 'online'}]
