"""DDPG: the actor's loss asks the critic about the actions of the replay buffer in place of those of the actor."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((5,), name='state')
    h = keras.layers.Dense(24, activation='relu', name='actor_fc')(s)
    actor = keras.Model(s, keras.layers.Dense(2, activation='tanh', name='actor_mu')(h), name='actor')
    s, a = keras.Input((5,), name='state'), keras.Input((2,), name='action')
    h = keras.layers.Dense(24, activation='relu', name='critic_fc')(keras.layers.Concatenate()([s, a]))
    critic = keras.Model([s, a], keras.layers.Dense(1, name='critic_q')(h), name='critic')
    return {'actor': actor, 'critic': critic, 'a_opt': keras.optimizers.Adam(1e-3), 'c_opt': keras.optimizers.Adam(2e-3)}


def sample():
    r = np.random.default_rng(0)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'state': f(16, 5), 'action': np.tanh(f(16, 2)), 'reward': f(16, 1), 'next_state': f(16, 5)}


def tensors(sample):
    return {k: tf.convert_to_tensor(v) for k, v in sample.items()}


def models(built):
    return [built['actor'], built['critic']]


def train_critic(built, sample):
    actor, critic = built['actor'], built['critic']
    target = sample['reward'] + 0.99 * critic([sample['next_state'], actor(sample['next_state'])])
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(target - critic([sample['state'], sample['action']])))
    built['c_opt'].apply_gradients(zip(tape.gradient(loss, critic.trainable_variables), critic.trainable_variables))


def step(built, sample):
    actor, critic, sample = built['actor'], built['critic'], tensors(sample)
    train_critic(built, sample)
    batch_states, batch_actions = sample['state'], sample['action']
    with tf.GradientTape() as tape:
        actions = actor(batch_states, training=True)
        q_values = critic([batch_states, batch_actions], training=True)
        actor_loss = -tf.reduce_mean(q_values)
    actor_grad = tape.gradient(actor_loss, actor.trainable_variables)
    built['a_opt'].apply_gradients(zip(actor_grad, actor.trainable_variables))
    return {'actor_loss': actor_loss, 'mean_action': tf.reduce_mean(actions)}


def fixed_step(built, sample):
    actor, critic, sample = built['actor'], built['critic'], tensors(sample)
    train_critic(built, sample)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic([sample['state'], actor(sample['state'], training=True)], training=True))
    built['a_opt'].apply_gradients(zip(tape.gradient(loss, actor.trainable_variables), actor.trainable_variables))
    return loss


EXPECT = {
    'source': 'https://github.com/backgom2357/Recommender_system_via_deep_RL/issues/14',
    'title': "line 181 recommender.py (dq_da at the batch's actions)", 'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'actor_fc/kernel', 'layer': None, 'op': None, 'line': 'q_values = critic([batch_states, batch_actions], training=True)'},
    'why': 'The critic judges stored actions, which do not depend on the actor: all of its gradients are None.',
    'fix': 'Give the critic the actions of the actor.',
    'also': [{'variable': 'actor_', 'line': 'actions = actor(batch_states, training=True)'}, {'variable': 'actor_', 'line': 'actor_loss = -tf.reduce_mean(q_values)'},
             {'variable': 'actor_', 'line': 'actor_grad = tape.gradient(actor_loss, actor.trainable_variables)'},
             {'layer': 'actor', 'line': None}, {'variable': 'actor_', 'line': "built['a_opt'].apply_gradients(zip(actor_grad, actor.trainable_variables))"}],
}
