"""Federated averaging: the clients' weights are read before their local epochs, so the server averages its own weights."""
import numpy as np
import tensorflow as tf
import keras


def mlp(name):
    x = keras.Input((6,), name='x')
    h = keras.layers.Dense(12, activation='relu', name=f'{name}_fc')(x)
    return keras.Model(x, keras.layers.Dense(3, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    return {'server': mlp('server'), 'client': mlp('client'), 'lr': 0.05}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(3, 2, 10, 6)).astype('float32'), 'y': r.integers(0, 3, (3, 2, 10)), 'share': np.array([.5, .25, .25], 'float32')}


def models(built):
    return [built['server']]


loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def local_epoch(model, batches, lr):
    optimizer = keras.optimizers.SGD(lr)
    for x, y in batches:
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    return loss


def step(built, sample):
    server, client = built['server'], built['client']
    collected, losses = [], []
    for xs, ys in zip(sample['x'], sample['y']):
        client.set_weights(server.get_weights())
        client_weights = client.get_weights()
        losses.append(local_epoch(client, zip(xs, ys), built['lr']))
        collected.append(client_weights)
    server.set_weights([np.tensordot(sample['share'], np.stack(ws), 1) for ws in zip(*collected)])
    return tf.reduce_mean(losses)


def fixed_step(built, sample):
    server, client = built['server'], built['client']
    collected, losses = [], []
    for xs, ys in zip(sample['x'], sample['y']):
        client.set_weights(server.get_weights())
        losses.append(local_epoch(client, zip(xs, ys), built['lr']))
        collected.append(client.get_weights())
    server.set_weights([np.tensordot(sample['share'], np.stack(ws), 1) for ws in zip(*collected)])
    return tf.reduce_mean(losses)


EXPECT = {
    'source': None, 'title': 'Federated averaging of the weights from before the local epochs', 'source_kind': 'own', 'category': 'other',
    'culprit': {'input': None, 'variable': 'server_fc/kernel', 'layer': None, 'op': None, 'line': 'client_weights = client.get_weights()'},
    'why': 'get_weights returns copies; those were made before the local training, whose result is thrown away.',
    'fix': "Read the client's weights after its local epochs.",
    'also': [{'variable': 'server_', 'line': 'collected.append(client_weights)'}, {'variable': 'server_', 'line': 'server.set_weights([np.tensordot('},
             {'variable': 'server_', 'line': "losses.append(local_epoch(client, zip(xs, ys), built['lr']))"}, {'layer': 'server', 'line': None, 'variable': None},
             {'variable': 'server_', 'line': None}],
    'symptom': [('unmoved', 'server_')],
}
