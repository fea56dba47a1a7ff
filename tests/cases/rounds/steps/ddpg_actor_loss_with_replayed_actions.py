"""DDPG: the actor's loss asks the critic about the actions of the replay buffer, not about those the actor proposes."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(6)
    s = keras.Input((5,), name='state')
    h = keras.layers.Dense(16, activation='relu', name='actor_fc')(s)
    actor = keras.Model(s, keras.layers.Dense(2, activation='tanh', name='actor_mu')(h), name='actor')
    s, a = keras.Input((5,), name='state'), keras.Input((2,), name='action')
    h = keras.layers.Concatenate(name='critic_in')([s, a])
    h = keras.layers.Dense(16, activation='relu', name='critic_fc')(h)
    critic = keras.Model({'state': s, 'action': a}, keras.layers.Dense(1, name='critic_q')(h), name='critic')
    return {'actor': actor, 'critic': critic,
            'actor_optimizer': keras.optimizers.Adam(1e-3), 'critic_optimizer': keras.optimizers.Adam(2e-3)}


def sample():
    r = np.random.default_rng(6)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'state': f(32, 5), 'action': np.tanh(f(32, 2)), 'reward': f(32, 1), 'next_state': f(32, 5)}


def models(built):
    return [built['actor'], built['critic']]


def critic_update(built, sample):
    actor, critic = built['actor'], built['critic']
    sample = {k: tf.constant(v) for k, v in sample.items()}
    target = sample['reward'] + 0.99 * critic({'state': sample['next_state'], 'action': actor(sample['next_state'])})
    with tf.GradientTape() as tape:
        q = critic({'state': sample['state'], 'action': sample['action']}, training=True)
        loss = tf.reduce_mean(tf.square(target - q))
    grads = tape.gradient(loss, critic.trainable_variables)
    built['critic_optimizer'].apply_gradients(zip(grads, critic.trainable_variables))
    return loss


def step(built, sample):
    actor, critic = built['actor'], built['critic']
    critic_loss = critic_update(built, sample)
    states, actions = tf.constant(sample['state']), tf.constant(sample['action'])
    with tf.GradientTape() as tape:
        proposed = actor(states, training=True)
        q_values = critic({'state': states, 'action': actions}, training=True)
        actor_loss = -tf.reduce_mean(q_values)
    actor_grads = tape.gradient(actor_loss, actor.trainable_variables)
    built['actor_optimizer'].apply_gradients(zip(actor_grads, actor.trainable_variables))
    return {'critic_loss': critic_loss, 'actor_loss': actor_loss, 'saturation': tf.reduce_mean(tf.abs(proposed))}


def fixed_step(built, sample):
    actor, critic = built['actor'], built['critic']
    critic_loss = critic_update(built, sample)
    states = tf.constant(sample['state'])
    with tf.GradientTape() as tape:
        proposed = actor(states, training=True)
        actor_loss = -tf.reduce_mean(critic({'state': states, 'action': proposed}, training=True))
    actor_grads = tape.gradient(actor_loss, actor.trainable_variables)
    built['actor_optimizer'].apply_gradients(zip(actor_grads, actor.trainable_variables))
    return {'critic_loss': critic_loss, 'actor_loss': actor_loss}


EXPECT = {
    'source': 'https://github.com/backgom2357/Recommender_system_via_deep_RL/issues/14',
    'title': 'line 181 recommender.py (dq_da of the batch actions instead of those of the actor)',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'actor_mu/kernel', 'layer': None, 'op': None,
                'line': "q_values = critic({'state': states, 'action': actions}, training=True)"},
    'why': 'The actions of the buffer are data: the loss does not depend on the actor, whose gradients are all None.',
    'fix': 'Give the critic the proposed actions.',
    'symptom': [('none', 'actor_')],
    'also': [
        {'variable': 'actor', 'line': 'actor_loss = -tf.reduce_mean(q_values)'},
        {'variable': 'actor', 'line': 'proposed = actor(states, training=True)'},
        {'variable': 'actor', 'line': 'actor_grads = tape.gradient(actor_loss, actor.trainable_variables)'},
        {'layer': 'actor', 'line': "q_values = critic({'state': states, 'action': actions}, training=True)"},
    ],
}
