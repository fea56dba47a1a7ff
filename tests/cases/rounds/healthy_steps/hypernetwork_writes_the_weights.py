"""Hypernetwork: a user embedding is turned into the weights of a small net that is called statelessly."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(19)
    item = keras.Input((5,), name='item')
    small = keras.Model({'item': item}, keras.layers.Dense(1, name='s_out')(keras.layers.Dense(4, activation='tanh', name='s_in')(item)), name='small')
    small.trainable = False
    size = sum(int(np.prod(v.shape)) for v in small.variables)
    user = keras.Input((), dtype='int32', name='user')
    writer = keras.Model({'user': user}, keras.layers.Dense(size, name='write')(keras.layers.Embedding(6, 4, name='users')(user)), name='writer')
    return {'writer': writer, 'small': small, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(19)
    return {'user': np.arange(6).astype('int32'), 'item': r.normal(size=(6, 7, 5)).astype('float32'), 'y': r.normal(size=(6, 7, 1)).astype('float32')}


def models(built):
    return [built['writer']]


def step(built, sample):
    writer, small = built['writer'], built['small']
    shapes = [v.shape for v in small.variables]
    with tf.GradientTape() as tape:
        loss = 0.0
        for u in range(6):
            flat = writer({'user': sample['user'][u:u + 1]}, training=True)[0]
            weights = [tf.reshape(p, s) for p, s in zip(tf.split(flat, [int(np.prod(s)) for s in shapes]), shapes)]
            rating, _ = small.stateless_call([], weights, {'item': sample['item'][u]})
            loss += tf.reduce_mean(tf.square(rating - sample['y'][u])) / 6.0
    grads = tape.gradient(loss, writer.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, writer.trainable_variables))
    return {'loss': loss, 'grads': {v.path: tf.convert_to_tensor(g) for v, g in zip(writer.trainable_variables, grads)}}
