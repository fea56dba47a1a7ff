"""Actor-critic in a tf.function: the logits and values of the loss come out of tf.numpy_function, where the model was called."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(24)
    s = keras.Input((4,), name='observation')
    h = keras.layers.Dense(16, activation='relu', name='shared')(s)
    model = keras.Model(s, [keras.layers.Dense(3, name='actor_logits')(h), keras.layers.Dense(3, name='q_values')(h)], name='acer')
    optimizer = keras.optimizers.RMSprop(7e-4)
    optimizer.build(model.trainable_variables)
    return {'model': model, 'optimizer': optimizer}


def sample():
    r = np.random.default_rng(24)
    return {'observation': r.normal(size=(16, 4)).astype('float32'), 'uniform': r.random(16).astype('float32')}


def models(built):
    return [built['model']]


def environment(observation, action):
    return np.cos(observation.sum(-1) + action).astype('float32')


def act(logits, uniform):
    p = np.exp(logits - logits.max(-1, keepdims=True))
    cumulative = np.cumsum(p / p.sum(-1, keepdims=True), -1)
    return np.minimum((uniform[:, None] > cumulative).sum(-1), 2).astype('int32')


def objective(logits, q_values, action, reward):
    log_probs = tf.nn.log_softmax(logits)
    value = tf.reduce_sum(tf.exp(log_probs) * q_values, -1)
    selected_q = tf.gather(q_values, action, batch_dims=1)
    advantage = tf.stop_gradient(reward - value)
    policy = -tf.reduce_mean(tf.gather(log_probs, action, batch_dims=1) * advantage)
    return policy + 0.5 * tf.reduce_mean(tf.square(reward - selected_q))


def step(built, sample):
    model, optimizer = built['model'], built['optimizer']

    def rollout(observation, uniform):
        logits, q_values = model(observation, training=True)
        action = act(np.asarray(logits), uniform)
        return np.asarray(logits), np.asarray(q_values), action, environment(observation, action)

    @tf.function
    def train(observation, uniform):
        with tf.GradientTape() as tape:
            logits, q_values, action, reward = tf.numpy_function(
                rollout, [observation, uniform], [tf.float32, tf.float32, tf.int32, tf.float32])
            logits, q_values = tf.ensure_shape(logits, (None, 3)), tf.ensure_shape(q_values, (None, 3))
            action, reward = tf.ensure_shape(action, (None,)), tf.ensure_shape(reward, (None,))
            loss = objective(logits, q_values, action, reward)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return loss

    return train(tf.constant(sample['observation']), tf.constant(sample['uniform']))


def fixed_step(built, sample):
    model, optimizer = built['model'], built['optimizer']

    def interact(observation, logits, uniform):
        action = act(logits, uniform)
        return action, environment(observation, action)

    @tf.function
    def train(observation, uniform):
        with tf.GradientTape() as tape:
            logits, q_values = model(observation, training=True)
            action, reward = tf.numpy_function(interact, [observation, logits, uniform], [tf.int32, tf.float32])
            action, reward = tf.ensure_shape(action, (None,)), tf.ensure_shape(reward, (None,))
            loss = objective(logits, q_values, action, reward)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
        return loss

    return train(tf.constant(sample['observation']), tf.constant(sample['uniform']))


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/47288',
    'title': "ValueError: No gradients provided for any variable: ['conv2d/kernel:0', 'conv2d/bias:0', ...]",
    'source_kind': 'report',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'shared/kernel', 'layer': None, 'op': 'PyFunc',
                'line': 'logits, q_values, action, reward = tf.numpy_function('},
    'why': 'What the model computes inside of numpy_function comes back as plain arrays; the loss does not depend on any variable.',
    'fix': 'Call the model in the tape; let numpy_function only act and return actions and rewards.',
    'symptom': [('none', 'kernel')],
    'also': [
        {'variable': None, 'op': None, 'line': 'logits, q_values, action, reward = tf.numpy_function('},
        {'variable': None, 'op': None, 'line': 'rollout, [observation, uniform], [tf.float32, tf.float32, tf.int32, tf.float32])'},
        {'variable': None, 'op': None, 'line': 'return np.asarray(logits), np.asarray(q_values), action, environment(observation, action)'},
        {'variable': None, 'op': None, 'line': 'logits, q_values = model(observation, training=True)'},
        {'variable': None, 'op': None, 'line': 'action = act(np.asarray(logits), uniform)'},
    ],
}
