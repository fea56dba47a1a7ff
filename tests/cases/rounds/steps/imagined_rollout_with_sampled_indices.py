"""Model-based RL: the policy is trained through a learned world model, but the imagined actions are sampled indices."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(16, activation='elu', name='policy_hidden')(s)
    policy = keras.Model(s, keras.layers.Dense(4, name='policy_logits')(h), name='policy')
    s, a = keras.Input((6,), name='state'), keras.Input((4,), name='action')
    h = keras.layers.Dense(24, activation='elu', name='world_hidden')(keras.layers.Concatenate(name='world_join')([s, a]))
    world = keras.Model([s, a], [keras.layers.Dense(6, name='world_next')(h), keras.layers.Dense(1, name='world_reward')(h)], name='world')
    return {'policy': policy, 'world': world, 'p_opt': keras.optimizers.Adam(1e-3), 'w_opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    s = r.normal(size=(10, 6)).astype('float32')
    return {'state': s, 'action': np.eye(4, dtype='float32')[r.integers(0, 4, 10)],
            'next_state': (0.9 * s + 0.1 * r.normal(size=s.shape)).astype('float32'), 'reward': r.normal(size=(10, 1)).astype('float32')}


def models(built):
    return [built['policy'], built['world']]


def fit_world(built, sample):
    world = built['world']
    with tf.GradientTape() as tape:
        following, reward = world([sample['state'], sample['action']], training=True)
        loss = tf.reduce_mean((following - sample['next_state']) ** 2) + tf.reduce_mean((reward - sample['reward']) ** 2)
    grads = tape.gradient(loss, world.trainable_variables)
    built['w_opt'].apply_gradients(zip(grads, world.trainable_variables))
    return loss


def step(built, sample):
    policy, world = built['policy'], built['world']
    model_loss = fit_world(built, sample)
    with tf.GradientTape() as tape:
        state, total = tf.convert_to_tensor(sample['state']), 0.0
        for t in range(3):
            logits = policy(state, training=True)
            index = tf.random.categorical(logits, 1)[:, 0]
            state, reward = world([state, tf.one_hot(index, 4)], training=False)
            total += 0.95 ** t * tf.reduce_mean(reward)
        loss = -total
    grads = tape.gradient(loss, policy.trainable_variables)
    built['p_opt'].apply_gradients(zip(grads, policy.trainable_variables))
    return {'model_loss': model_loss, 'loss': loss}


def fixed_step(built, sample):
    policy, world = built['policy'], built['world']
    model_loss = fit_world(built, sample)
    with tf.GradientTape() as tape:
        state, total = tf.convert_to_tensor(sample['state']), 0.0
        for t in range(3):
            logits = policy(state, training=True)
            index = tf.random.categorical(logits, 1)[:, 0]
            probs = tf.nn.softmax(logits)
            action = tf.one_hot(index, 4) + probs - tf.stop_gradient(probs)
            state, reward = world([state, action], training=False)
            total += 0.95 ** t * tf.reduce_mean(reward)
        loss = -total
    grads = tape.gradient(loss, policy.trainable_variables)
    built['p_opt'].apply_gradients(zip(grads, policy.trainable_variables))
    return {'model_loss': model_loss, 'loss': loss}


LINE = 'index = tf.random.categorical(logits, 1)[:, 0]'
EXPECT = {
    'source': 'https://github.com/danijar/dreamerv2/issues/37',
    'title': 'Gradients through draws of a categorical distribution: straight-through or Gumbel softmax',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'policy_hidden/kernel', 'layer': None, 'op': 'Multinomial', 'line': LINE},
    'why': 'The draw is an integer; the imagined return does not depend differentiably on the logits.',
    'fix': 'Straight-through one-hot (or Gumbel softmax, or a score-function estimator).',
}
EXPECT['also'] = [{'variable': 'policy', 'line': LINE}, {'variable': 'policy', 'op': 'OneHot'}, {'variable': 'policy', 'op': 'Multinomial'},
                  {'variable': 'policy', 'line': 'state, reward = world([state, tf.one_hot(index, 4)], training=False)'},
                  {'layer': 'policy', 'line': LINE}, {'layer': 'world', 'line': 'state, reward = world([state, tf.one_hot(index, 4)], training=False)'}]
