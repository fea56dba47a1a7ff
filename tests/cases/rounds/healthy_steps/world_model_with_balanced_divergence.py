"""World model: the divergence is taken twice, each side stopped once, with free bits; straight-through codes."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(16)
    frame, action = keras.Input((8,), name='frame'), keras.Input((2,), name='action')
    posterior = keras.Model({'frame': frame}, keras.layers.Dense(6, name='post')(keras.layers.Dense(10, activation='elu', name='post_in')(frame)))
    prior = keras.Model({'action': action}, keras.layers.Dense(6, name='prior')(keras.layers.Dense(10, activation='elu', name='prior_in')(action)))
    code = keras.Input((6,), name='code')
    return {'posterior': posterior, 'prior': prior, 'decoder': keras.Model({'code': code}, keras.layers.Dense(8, name='frame_out')(code)), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(16)
    return {'frame': 2.0 * r.normal(size=(12, 8)).astype('float32'), 'action': r.normal(size=(12, 2)).astype('float32')}


def models(built):
    return [built['posterior'], built['prior'], built['decoder']]


def divergence(p, q):
    return tf.reduce_sum(tf.nn.softmax(p) * (tf.nn.log_softmax(p) - tf.nn.log_softmax(q)), -1)


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        post, prior = built['posterior']({'frame': sample['frame']}, training=True), built['prior']({'action': sample['action']}, training=True)
        p = tf.nn.softmax(post)
        hard = tf.one_hot(tf.argmax(post - tf.math.log(-tf.math.log(tf.random.stateless_uniform(post.shape, (1, 6), 1e-6, 1.0 - 1e-6))), -1), 6)
        frame = built['decoder']({'code': hard + p - tf.stop_gradient(p)}, training=True)
        train_prior = tf.maximum(divergence(tf.stop_gradient(post), prior), 0.01)
        train_post = tf.maximum(divergence(post, tf.stop_gradient(prior)), 0.01)
        loss = tf.reduce_mean(tf.reduce_sum(tf.square(frame - sample['frame']), -1) + 0.8 * train_prior + 0.2 * train_post)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}
