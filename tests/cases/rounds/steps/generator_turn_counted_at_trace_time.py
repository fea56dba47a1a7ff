"""WGAN in a tf.function: the generator's turn is decided by a Python counter, which only counts when the function is traced."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    z = keras.Input((4,), name='noise')
    h = keras.layers.Dense(16, activation='relu', name='generator_hidden')(z)
    generator = keras.Model(z, keras.layers.Dense(6, name='generator_out')(h), name='generator')
    x = keras.Input((6,), name='record')
    h = keras.layers.Dense(16, activation='leaky_relu', name='critic_hidden')(x)
    critic = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='critic_out')(h), name='critic')
    built = {'generator': generator, 'critic': critic, 'calls': 0,
             'g_opt': keras.optimizers.RMSprop(1e-3), 'c_opt': keras.optimizers.RMSprop(1e-3)}
    built['g_opt'].build(generator.trainable_variables)
    built['c_opt'].build(critic.trainable_variables)
    return built


def sample():
    r = np.random.default_rng(0)
    return {'record': r.normal(2.0, 1.0, size=(6, 8, 6)).astype('float32'), 'noise': r.normal(size=(6, 8, 4)).astype('float32')}


def models(built):
    return [built['generator'], built['critic']]


def update_critic(built, record, noise):
    generator, critic = models(built)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(critic(generator(noise), training=True)) - tf.reduce_mean(critic(record, training=True))
    grads = tape.gradient(loss, critic.trainable_variables)
    built['c_opt'].apply_gradients(zip(grads, critic.trainable_variables))
    return loss


def update_generator(built, noise):
    generator, critic = models(built)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(critic(generator(noise, training=True)))
    grads = tape.gradient(loss, generator.trainable_variables)
    built['g_opt'].apply_gradients(zip(grads, generator.trainable_variables))
    return loss


def step(built, sample):
    @tf.function
    def train(record, noise):
        loss = update_critic(built, record, noise)
        built['calls'] += 1
        if built['calls'] % 3 == 0:
            update_generator(built, noise)
        return loss
    for record, noise in zip(sample['record'], sample['noise']):
        loss = train(tf.constant(record), tf.constant(noise))
    return {'critic': loss}


def fixed_step(built, sample):
    @tf.function
    def train_critic(record, noise):
        return update_critic(built, record, noise)

    @tf.function
    def train_generator(noise):
        return update_generator(built, noise)
    for record, noise in zip(sample['record'], sample['noise']):
        loss = train_critic(tf.constant(record), tf.constant(noise))
        built['calls'] += 1
        if built['calls'] % 3 == 0:
            train_generator(tf.constant(noise))
    return {'critic': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/41760',
    'title': 'Which variables are updated is decided by Python values inside a tf.function',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'generator_hidden/kernel', 'layer': None, 'op': None, 'line': "if built['calls'] % 3 == 0:"},
    'why': 'The function is traced once, with the counter at 1: the branch of the generator is not in the graph, however often it runs.',
    'fix': 'Decide outside of the tf.function, or on a tensor / tf.Variable.',
    'symptom': [('unmoved', 'generator')],
}
EXPECT['also'] = [{'variable': 'generator', 'line': "built['calls'] += 1"}, {'variable': 'generator', 'line': "if built['calls'] % 3 == 0:"},
                  {'variable': 'generator', 'line': '@tf.function'}, {'variable': 'generator', 'line': 'update_generator(built, noise)'},
                  {'variable': 'generator', 'line': 'loss = train(tf.constant(record), tf.constant(noise))'}, {'layer': 'generator', 'line': "built['calls'] += 1"}]
