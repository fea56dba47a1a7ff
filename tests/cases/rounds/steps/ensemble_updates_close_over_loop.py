"""Deep ensemble: the update functions are closures over the loop variables and all train the last member."""
import numpy as np
import tensorflow as tf
import keras


def member_net(i):
    x = keras.Input((9,), name='x')
    h = keras.layers.Dense(20, activation='relu', name=f'm{i}_hidden')(x)
    return keras.Model(x, [keras.layers.Dense(1, name=f'm{i}_mean')(h), keras.layers.Dense(1, name=f'm{i}_logvar')(h)], name=f'member_{i}')


def build():
    keras.utils.set_random_seed(16)
    members = [member_net(i) for i in range(3)]
    optimizers = [keras.optimizers.Adam(1e-3) for _ in members]
    for m, o in zip(members, optimizers):
        o.build(m.trainable_variables)
    return {'members': members, 'optimizers': optimizers}


def sample():
    r = np.random.default_rng(16)
    return {'x': r.normal(size=(12, 9)).astype('float32'), 'y': r.normal(size=(12, 1)).astype('float32')}


def models(built):
    return list(built['members'])


def gaussian_nll(y, mean, logvar):
    return 0.5 * tf.reduce_mean(logvar + tf.square(y - mean) * tf.exp(-logvar))


def step(built, sample):
    updates = []
    for member, optimizer in zip(built['members'], built['optimizers']):
        def update(x, y):
            with tf.GradientTape() as tape:
                loss = gaussian_nll(y, *member(x, training=True))
            gradients = tape.gradient(loss, member.trainable_variables)
            optimizer.apply_gradients(zip(gradients, member.trainable_variables))
            return loss
        updates.append(update)
    r = np.random.default_rng(0)
    losses = []
    for update in updates:
        rows = r.integers(0, len(sample['x']), len(sample['x']))
        losses.append(update(sample['x'][rows], sample['y'][rows]))
    return tf.reduce_mean(losses)


def make_update(net, opt):
    def update(x, y):
        with tf.GradientTape() as tape:
            loss = gaussian_nll(y, *net(x, training=True))
        opt.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
        return loss
    return update


def fixed_step(built, sample):
    updates = [make_update(net, opt) for net, opt in zip(built['members'], built['optimizers'])]
    r = np.random.default_rng(0)
    losses = []
    for update in updates:
        rows = r.integers(0, len(sample['x']), len(sample['x']))
        losses.append(update(sample['x'][rows], sample['y'][rows]))
    return tf.reduce_mean(losses)


EXPECT = {
    'source': None, 'title': 'Late binding of loop variables in the update closures of an ensemble',
    'source_kind': 'own', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'm0_hidden/kernel', 'layer': None, 'op': None, 'line': 'def update(x, y):'},
    'why': 'The closures look member and optimizer up when they are called: it is the last one for all.',
    'fix': 'Bind them in a factory function (or as default arguments).',
    'also': [{'input': None, 'variable': 'm0_', 'layer': None, 'op': None, 'line': 'loss = gaussian_nll(y, *member(x, training=True))'},
             {'input': None, 'variable': 'm1_', 'layer': None, 'op': None, 'line': 'updates.append(update)'},
             {'input': None, 'variable': 'm', 'layer': None, 'op': None, 'line': 'gradients = tape.gradient(loss, member.trainable_variables)'},
             {'input': None, 'variable': 'm', 'layer': None, 'op': None, 'line': 'optimizer.apply_gradients(zip(gradients, member.trainable_variables))'},
             {'input': None, 'variable': 'm', 'layer': None, 'op': None, 'line': "for member, optimizer in zip(built['members'], built['optimizers']):"}],
}
