"""Conditional WGAN-GP: three critic updates on fakes without a tape, gradient penalty, then the generator."""
import numpy as np
import tensorflow as tf
import keras
import functools


def build():
    keras.utils.set_random_seed(101)
    z, c = keras.Input((5,), name='z'), keras.Input((3,), name='c')
    h = keras.layers.Dense(20, activation='leaky_relu', name='g1')(keras.layers.Concatenate(name='zc')([z, c]))
    generator = keras.Model([z, c], keras.layers.Dense(7, name='g2')(h), name='generator')
    x, c2 = keras.Input((7,), name='x'), keras.Input((3,), name='c2')
    h = keras.layers.Dense(20, activation='softplus', name='d1')(keras.layers.Concatenate(name='xc')([x, c2]))
    critic = keras.Model([x, c2], keras.layers.Dense(1, use_bias=False, name='d2')(h), name='critic')
    return {'generator': generator, 'critic': critic, 'g_opt': keras.optimizers.Adam(1e-3, beta_1=0.), 'c_opt': keras.optimizers.Adam(1e-3, beta_1=0.)}


def sample():
    r = np.random.default_rng(101)
    return {'x': r.normal(size=(12, 7)).astype('float32') + 1, 'c': np.eye(3, dtype='float32')[r.integers(0, 3, 12)]}


def models(built):
    return [built['generator'], built['critic']]


def gradient_penalty(critic, real, fake, c, weight):
    t = tf.random.uniform([len(real), 1])
    mixed = t * real + (1. - t) * fake
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        score = critic([mixed, c], training=True)
    slope = tf.sqrt(tf.reduce_sum(tf.square(tape.gradient(score, mixed)), -1) + 1e-8)
    return weight * tf.reduce_mean(tf.square(slope - 1.))


class Trainer:
    def __init__(self, generator, critic, g_opt, c_opt, n_critic=3):
        self.generator, self.critic, self.g_opt, self.c_opt, self.n_critic = generator, critic, g_opt, c_opt, n_critic
        self.penalty = functools.partial(gradient_penalty, critic, weight=10.)

    def noise(self, n):
        return tf.random.normal([n, 5])

    def critic_step(self, x, c):
        fake = self.generator([self.noise(len(x)), c])
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.critic([fake, c], training=True) - self.critic([x, c], training=True))
            loss += self.penalty(x, fake, c)
        weights = self.critic.trainable_variables
        self.c_opt.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    def generator_step(self, c):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.critic([self.generator([self.noise(len(c)), c], training=True), c]))
        weights = self.generator.trainable_variables
        self.g_opt.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    def train_step(self, x, c):
        logs = [float(self.critic_step(x, c)) for _ in range(self.n_critic)]
        return {'critic': float(np.mean(logs)), 'generator': self.generator_step(c)}


def step(built, sample):
    return Trainer(**built).train_step(tf.constant(sample['x']), tf.constant(sample['c']))


NOTES = dict(family='gan', why_hard='fakes of the critic are made outside of the tape', legit_nongradient=[])
