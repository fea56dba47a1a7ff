"""World model: actor trained through imagined dynamics, critic on lambda returns that are detached."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(4)
    s, a = keras.Input((5,), name='state'), keras.Input((2,), name='action')
    h = keras.layers.Dense(16, activation='elu', name='w_hidden')(keras.layers.Concatenate(name='w_in')([s, a]))
    world = keras.Model([s, a], [keras.layers.Dense(5, name='w_next')(h), keras.layers.Dense(1, name='w_reward')(h)], name='world')
    actor = keras.Sequential([keras.Input((5,)), keras.layers.Dense(12, activation='elu', name='a_hidden'), keras.layers.Dense(4, name='a_out')], name='actor')
    critic = keras.Sequential([keras.Input((5,)), keras.layers.Dense(12, activation='elu', name='v_hidden'), keras.layers.Dense(1, name='v_out')], name='critic')
    return {'world': world, 'actor': actor, 'critic': critic, **{f'{k}_opt': keras.optimizers.Adam(1e-3, global_clipnorm=100.0) for k in ('world', 'actor', 'critic')}}


def sample():
    r = np.random.default_rng(4)
    return {'state': r.normal(size=(8, 5)).astype('float32'), 'action': r.normal(size=(8, 2)).astype('float32'), 'next': r.normal(size=(8, 5)).astype('float32'), 'reward': r.normal(size=(8, 1)).astype('float32')}


def models(built):
    return [built['world'], built['actor'], built['critic']]


def update(built, name, tape, loss):
    weights = built[name].trainable_variables
    built[f'{name}_opt'].apply_gradients(zip(tape.gradient(loss, weights), weights))


def step(built, sample):
    world, actor, critic = built['world'], built['actor'], built['critic']
    with tf.GradientTape() as tape:
        following, reward = world([sample['state'], sample['action']], training=True)
        model_loss = tf.reduce_mean(tf.square(following - sample['next'])) + tf.reduce_mean(tf.square(reward - sample['reward']))
    update(built, 'world', tape, model_loss)
    with tf.GradientTape() as tape:
        state, states, rewards = tf.constant(sample['state']), [], []
        for _ in range(3):
            mean, spread = tf.split(actor(tf.stop_gradient(state), training=True), 2, axis=-1)
            action = tf.tanh(mean + tf.nn.softplus(spread) * tf.random.normal(tf.shape(mean)))
            state, reward = world([state, action])
            states.append(state)
            rewards.append(reward)
        target, targets = critic(states[-1]), []
        for s, r in zip(states[::-1], rewards[::-1]):
            target = r + 0.95 * (0.1 * critic(s) + 0.9 * target)
            targets.insert(0, target)
        actor_loss = -tf.reduce_mean(tf.stack(targets))
    update(built, 'actor', tape, actor_loss)
    with tf.GradientTape() as tape:
        critic_loss = tf.add_n([tf.reduce_mean(tf.square(critic(tf.stop_gradient(s), training=True) - tf.stop_gradient(t))) for s, t in zip(states, targets)])
    update(built, 'critic', tape, critic_loss)
    return {'model_loss': model_loss, 'actor_loss': actor_loss, 'critic_loss': critic_loss}
