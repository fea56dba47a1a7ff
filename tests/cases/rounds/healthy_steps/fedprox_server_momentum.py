"""Federated averaging with a proximal term; the server applies the mean difference of the clients as a pseudo-gradient."""
import numpy as np
import tensorflow as tf
import keras


def make(name):
    x = keras.Input((6,), name='x')
    h = keras.layers.Dense(12, activation='elu', name=f'{name}_h')(x)
    return keras.Model(x, keras.layers.Dense(1, name=f'{name}_o')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    return {'server': make('server'), 'client': make('client'), 'server_opt': keras.optimizers.SGD(1.0, momentum=0.9)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(3, 2, 12, 6)).astype('float32')
    return {'x': x, 'y': x[..., :1] * np.array([1., 2., 3.], 'float32').reshape(3, 1, 1, 1)}


def models(built):
    return [built['server']]


def step(built, sample):
    server, client = built['server'], built['client']
    anchor = [w.copy() for w in server.get_weights()]
    delta, losses = [np.zeros_like(w) for w in anchor], []
    for xs, ys in zip(sample['x'], sample['y']):
        client.set_weights(anchor)
        opt = keras.optimizers.SGD(0.02)
        for x, y in zip(xs, ys):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((client(x, training=True) - y) ** 2)
                loss += 0.05 * tf.add_n([tf.reduce_sum((v.value - a) ** 2) for v, a in zip(client.trainable_variables, anchor)])
            opt.apply_gradients(zip(tape.gradient(loss, client.trainable_variables), client.trainable_variables))
        losses.append(float(loss))
        delta = [d + (a - w) / 3 for d, a, w in zip(delta, anchor, client.get_weights())]
    built['server_opt'].apply_gradients(zip([tf.constant(d) for d in delta], server.trainable_variables))
    return np.mean(losses)
