"""World model: the actor is trained on an imagined rollout, but the next state comes from predict_on_batch of the dynamics."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(1)
    s, a = keras.Input((5,), name='state'), keras.Input((2,), name='action')
    h = keras.layers.Dense(16, activation='tanh', name='dyn_hidden')(keras.layers.Concatenate(name='dyn_in')([s, a]))
    dynamics = keras.Model({'state': s, 'action': a}, {'next_state': keras.layers.Dense(5, name='dyn_next')(h), 'reward': keras.layers.Dense(1, name='dyn_reward')(h)}, name='dynamics')
    dynamics.trainable = False
    o = keras.Input((5,), name='policy_state')
    g = keras.layers.Dense(12, activation='elu', name='actor_hidden')(o)
    actor = keras.Model(o, keras.layers.Dense(2, activation='tanh', name='actor_out')(g), name='actor')
    return {'dynamics': dynamics, 'actor': actor, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    return {'state': np.random.default_rng(1).normal(size=(8, 5)).astype('float32')}


def models(built):
    return [built['actor'], built['dynamics']]


def step(built, sample):
    dynamics, actor = built['dynamics'], built['actor']
    with tf.GradientTape() as tape:
        state, total = tf.constant(sample['state']), 0.0
        for k in range(4):
            action = actor(state, training=True)
            imagined = dynamics.predict_on_batch({'state': state, 'action': action})
            state = imagined['next_state']
            total += 0.95 ** k * tf.reduce_mean(imagined['reward'])
        loss = -total
    grads = tape.gradient(loss, actor.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, actor.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    dynamics, actor = built['dynamics'], built['actor']
    with tf.GradientTape() as tape:
        state, total = tf.constant(sample['state']), 0.0
        for k in range(4):
            action = actor(state, training=True)
            imagined = dynamics({'state': state, 'action': action}, training=False)
            state = imagined['next_state']
            total += 0.95 ** k * tf.reduce_mean(imagined['reward'])
        loss = -total
    grads = tape.gradient(loss, actor.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, actor.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/20630', 'title': 'GradientTape with model.predict: the result is a NumPy array and cannot be differentiated', 'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'actor_hidden/kernel', 'layer': 'dynamics', 'op': None, 'line': "imagined = dynamics.predict_on_batch({'state': state, 'action': action})"},
    'why': 'The imagined rewards are NumPy arrays: nothing leads from them back to the actions.',
    'fix': 'Call the dynamics model.',
}
EXPECT['also'] = [{'layer': None}, {'variable': 'actor'}, {'variable': 'actor', 'layer': None}, {'variable': None, 'layer': None},
                  {'line': "total += 0.95 ** k * tf.reduce_mean(imagined['reward'])", 'layer': None}]
