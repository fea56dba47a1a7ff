"""WGAN: whether the generator is trained depends on a Python counter inside of a tf.function."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(11)
    z = keras.Input((4,), name='z')
    h = keras.layers.Dense(16, activation='relu', name='gen_hidden')(z)
    generator = keras.Model(z, keras.layers.Dense(6, name='gen_out')(h), name='generator')
    x = keras.Input((6,), name='x')
    h = keras.layers.Dense(16, activation='leaky_relu', name='critic_hidden')(x)
    critic = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='critic_out')(h), name='critic')
    g_optimizer, c_optimizer = keras.optimizers.RMSprop(1e-3), keras.optimizers.RMSprop(1e-3)
    g_optimizer.build(generator.trainable_variables)
    c_optimizer.build(critic.trainable_variables)
    return {'generator': generator, 'critic': critic, 'g_optimizer': g_optimizer, 'c_optimizer': c_optimizer}


def sample():
    r = np.random.default_rng(11)
    return {'x': (r.normal(size=(6, 16, 6)) + 1.).astype('float32')}


def models(built):
    return [built['generator'], built['critic']]


class WGAN:
    def __init__(self, generator, critic, g_optimizer, c_optimizer, n_critic=3, bound=0.1):
        self.generator, self.critic, self.n_critic, self.bound = generator, critic, n_critic, bound
        self.g_optimizer, self.c_optimizer, self.batches = g_optimizer, c_optimizer, 0

    def update_critic(self, real):
        noise = tf.random.normal([tf.shape(real)[0], 4])
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.critic(self.generator(noise), training=True)) - tf.reduce_mean(self.critic(real, training=True))
        gradients = tape.gradient(loss, self.critic.trainable_variables)
        self.c_optimizer.apply_gradients(zip(gradients, self.critic.trainable_variables))
        for v in self.critic.trainable_variables:
            v.assign(tf.clip_by_value(v, -self.bound, self.bound))
        return loss

    def update_generator(self, size):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.critic(self.generator(tf.random.normal([size, 4]), training=True)))
        gradients = tape.gradient(loss, self.generator.trainable_variables)
        self.g_optimizer.apply_gradients(zip(gradients, self.generator.trainable_variables))
        return loss

    @tf.function
    def train_step(self, real):
        self.batches += 1
        loss = self.update_critic(real)
        if self.batches % self.n_critic == 0:
            self.update_generator(tf.shape(real)[0])
        return loss


class MendedWGAN(WGAN):
    @tf.function
    def compiled(self, real, with_generator):
        loss = self.update_critic(real)
        if with_generator:
            self.update_generator(tf.shape(real)[0])
        return loss

    def train_step(self, real):
        self.batches += 1
        return self.compiled(real, self.batches % self.n_critic == 0)


def step(built, sample):
    gan = WGAN(**built)
    for real in tf.unstack(tf.convert_to_tensor(sample['x'])):
        loss = gan.train_step(real)
    return loss


def fixed_step(built, sample):
    gan = MendedWGAN(**built)
    for real in tf.unstack(tf.convert_to_tensor(sample['x'])):
        loss = gan.train_step(real)
    return loss


EXPECT = {
    'source': 'https://github.com/bayesflow-org/bayesflow/issues/223',
    'title': 'Current training step is not tracked when the step is compiled',
    'source_kind': 'variant', 'category': 'other',
    'culprit': {'input': None, 'variable': 'gen_hidden/kernel', 'layer': None, 'op': None, 'line': 'if self.batches % self.n_critic == 0:'},
    'why': 'The counter only counts traces: it is 1 in the graph for ever, and the branch of the generator is not in it.',
    'fix': 'Count outside, pass the decision as an argument.',
    'also': [{'input': None, 'variable': 'gen_', 'layer': None, 'op': None, 'line': 'self.batches += 1'},
             {'input': None, 'variable': 'gen_', 'layer': None, 'op': None, 'line': '@tf.function'},
             {'input': None, 'variable': 'gen_', 'layer': None, 'op': None, 'line': 'self.update_generator(tf.shape(real)[0])'}],
}
