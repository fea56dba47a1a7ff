"""PPO: the 'old' probabilities come from the very policy that is being trained, in the same tape; the ratio is always one."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(7)
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(16, activation='tanh', name='pi_fc')(s)
    actor = keras.Model(s, keras.layers.Dense(3, activation='softmax', name='pi_probs')(h), name='actor')
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(16, activation='tanh', name='v_fc')(s)
    critic = keras.Model(s, keras.layers.Dense(1, name='v_out')(h), name='critic')
    return {'actor': actor, 'critic': critic, 'a_opt': keras.optimizers.Adam(7e-3), 'c_opt': keras.optimizers.Adam(7e-3)}


def sample():
    r = np.random.default_rng(7)
    adv = r.normal(size=24)
    return {'state': r.normal(size=(24, 6)).astype('float32'), 'action': r.integers(0, 3, 24).astype('int32'),
            'advantage': ((adv - adv.mean()) / adv.std()).astype('float32'), 'return': r.normal(size=24).astype('float32'),
            'behaviour_log_prob': np.log(r.uniform(0.25, 0.45, 24)).astype('float32')}


def models(built):
    return [built['actor'], built['critic']]


def log_prob(probs, actions):
    return tf.math.log(tf.gather(probs, actions, batch_dims=1) + 1e-8)


def surrogate(ratio, advantage, clip=0.2):
    return -tf.reduce_mean(tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 1 - clip, 1 + clip) * advantage))


def learn(built, a_tape, c_tape, a_loss, c_loss):
    for opt, tape, loss, model in (('a_opt', a_tape, a_loss, built['actor']), ('c_opt', c_tape, c_loss, built['critic'])):
        built[opt].apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    return {'actor': a_loss, 'critic': c_loss}


def step(built, sample):
    actor, critic = built['actor'], built['critic']
    with tf.GradientTape() as a_tape, tf.GradientTape() as c_tape:
        new = log_prob(actor(sample['state'], training=True), sample['action'])
        old = log_prob(actor(sample['state'], training=True), sample['action'])
        ratio = tf.exp(new - old)
        a_loss = surrogate(ratio, sample['advantage'])
        value = critic(sample['state'], training=True)[:, 0]
        c_loss = tf.reduce_mean(tf.square(sample['return'] - value))
    return learn(built, a_tape, c_tape, a_loss, c_loss)


def fixed_step(built, sample):
    actor, critic = built['actor'], built['critic']
    with tf.GradientTape() as a_tape, tf.GradientTape() as c_tape:
        new = log_prob(actor(sample['state'], training=True), sample['action'])
        a_loss = surrogate(tf.exp(new - sample['behaviour_log_prob']), sample['advantage'])
        value = critic(sample['state'], training=True)[:, 0]
        c_loss = tf.reduce_mean(tf.square(sample['return'] - value))
    return learn(built, a_tape, c_tape, a_loss, c_loss)


EXPECT = {
    'source': 'https://github.com/abhisheksuran/Reinforcement_Learning/issues/4',
    'title': 'PPO ratio between old policy and new policy',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'pi_probs/kernel', 'layer': None, 'op': None,
                'line': "old = log_prob(actor(sample['state'], training=True), sample['action'])"},
    'why': 'new - old is zero whatever the weights are: the two gradients cancel and the actor never moves.',
    'fix': 'Use the log-probabilities stored when the actions were taken.',
    'symptom': [('zero', 'pi_'), ('unmoved', 'pi_')],
    'also': [
        {'variable': 'pi_', 'line': 'ratio = tf.exp(new - old)'},
        {'variable': 'pi_', 'op': 'Sub', 'line': 'ratio = tf.exp(new - old)'},
        {'variable': 'pi_', 'line': "new = log_prob(actor(sample['state'], training=True), sample['action'])"},
        {'variable': 'pi_', 'line': 'a_loss = surrogate(ratio, sample'},
        {'layer': 'actor', 'line': 'ratio = tf.exp(new - old)'},
        {'variable': 'pi_', 'line': 'return tf.math.log(tf.gather(probs, actions'},
    ],
}
