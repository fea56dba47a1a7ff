"""Actor-critic on CartPole-like states: the episode is rolled out before the tape opens, which records only the loss."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((4,), name='state')
    h = keras.layers.Dense(32, activation='tanh', name='common')(s)
    net = keras.Model(s, [keras.layers.Dense(2, activation='softmax', name='action')(h), keras.layers.Dense(1, name='critic')(h)], name='agent')
    return {'agent': net, 'optimizer': keras.optimizers.Adam(0.01)}


def sample():
    r = np.random.default_rng(0)
    return {'state': r.normal(size=(6, 4)).astype('float32'), 'action': r.integers(0, 2, size=6), 'reward': np.ones(6, 'float32')}


def models(built):
    return [built['agent']]


huber = keras.losses.Huber()


def discounted(rewards, gamma=0.99):
    out, total = [], 0.0
    for r in rewards[::-1]:
        total = r + gamma * total
        out.insert(0, total)
    out = np.array(out, 'float32')
    return (out - out.mean()) / (out.std() + 1e-8)


def step(built, sample):
    model, optimizer = built['agent'], built['optimizer']
    action_probs_history, critic_value_history = [], []
    for state, action in zip(sample['state'], sample['action']):
        state = tf.expand_dims(tf.convert_to_tensor(state), 0)
        action_probs, critic_value = model(state)
        critic_value_history.append(critic_value[0, 0])
        action_probs_history.append(tf.math.log(action_probs[0, action]))
    returns = discounted(sample['reward'])
    with tf.GradientTape() as tape:
        actor_losses, critic_losses = [], []
        for log_prob, value, ret in zip(action_probs_history, critic_value_history, returns):
            actor_losses.append(-log_prob * (ret - value))
            critic_losses.append(huber(tf.expand_dims(ret, 0), tf.expand_dims(value, 0)))
        loss_value = sum(actor_losses) + sum(critic_losses)
    grads = tape.gradient(loss_value, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return loss_value


def fixed_step(built, sample):
    net, optimizer = built['agent'], built['optimizer']
    returns = discounted(sample['reward'])
    with tf.GradientTape() as tape:
        loss = 0.0
        for s, a, ret in zip(sample['state'], sample['action'], returns):
            probs, value = net(s[None])
            loss += -tf.math.log(probs[0, a]) * (ret - tf.stop_gradient(value[0, 0])) + huber(tf.expand_dims(ret, 0), value[0])
    optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return loss


EXPECT = {
    'source': 'https://github.com/keras-team/keras-io/issues/406',
    'title': 'Getting error when trying to move tape definition near used place', 'source_kind': 'report', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'common/kernel', 'layer': None, 'op': None, 'line': 'action_probs, critic_value = model(state)'},
    'why': 'The tape is opened after the rollout; it has not seen the model, hence every gradient is None.',
    'fix': 'Open the tape before the rollout.',
    'also': [{'line': 'with tf.GradientTape() as tape:', 'variable': None}, {'line': 'grads = tape.gradient(loss_value, model.trainable_variables)', 'variable': None},
             {'line': 'action_probs_history.append(tf.math.log(action_probs[0, action]))', 'variable': None},
             {'layer': 'agent', 'line': 'action_probs, critic_value = model(state)'}],
}
