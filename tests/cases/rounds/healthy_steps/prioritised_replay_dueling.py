"""A dueling Q-network with prioritised replay: importance weights come in as data, the new priorities go out as NumPy after the update."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(17)

    def make(name):
        s = keras.Input((4,))
        h = keras.layers.Dense(12, 'elu', name=name + '_h')(s)
        v, a = keras.layers.Dense(1, name=name + '_v')(h), keras.layers.Dense(3, name=name + '_a')(h)
        q = keras.layers.Lambda(lambda va: va[0] + va[1] - tf.reduce_mean(va[1], axis=1, keepdims=True), name=name + '_q')([v, a])
        return keras.Model(s, q, name=name)

    online, target = make('online'), make('target')
    target.set_weights([w * 0.9 for w in online.get_weights()])
    target.trainable = False
    return {'online': online, 'target': target, 'priorities': np.ones(32, 'float32'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'index': r.permutation(32)[:8], 's': r.normal(size=(8, 4)).astype('float32'), 'a': r.integers(0, 3, 8), 'r': r.normal(size=8).astype('float32'),
            'next': r.normal(size=(8, 4)).astype('float32'), 'done': np.array([0, 0, 1, 0, 0, 1, 0, 0], 'float32')}


def models(built):
    return [built['online'], built['target']]


def step(built, sample):
    online, target = built['online'], built['target']
    p = built['priorities'][sample['index']] ** 0.6
    importance = (1.0 / p) ** 0.4
    importance /= importance.max()
    choice = tf.argmax(online(sample['next']), axis=1)
    goal = sample['r'] + 0.99 * (1 - sample['done']) * tf.gather(target(sample['next']), choice, batch_dims=1)
    with tf.GradientTape() as tape:
        td = goal - tf.gather(online(sample['s'], training=True), sample['a'], batch_dims=1)
        loss = tf.reduce_mean(importance * tf.where(tf.abs(td) < 1, 0.5 * td ** 2, tf.abs(td) - 0.5))
    gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, online.trainable_variables), 10.0)
    built['optimizer'].apply_gradients(zip(gradients, online.trainable_variables))
    built['priorities'][sample['index']] = np.abs(td.numpy()) + 1e-3
    for t, o in zip(target.weights, online.weights):
        t.assign(0.995 * t + 0.005 * o)
    return {'loss': loss}
