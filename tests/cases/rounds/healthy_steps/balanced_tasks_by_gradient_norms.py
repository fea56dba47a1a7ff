"""GradNorm: task weights learn from the norms of the task gradients at the shared layer, by a tape over a tape."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='fresh_s6')
class TaskWeights(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(2,), initializer='ones', name='task_weights')

    def call(self, losses):
        return losses * self.w


def build():
    keras.utils.set_random_seed(18)
    x = keras.Input((6,), name='road')
    shared = keras.layers.Dense(8, activation='tanh', name='shared')(x)
    net = keras.Model({'road': x}, {'steer': keras.layers.Dense(1, name='steer')(shared), 'brake': keras.layers.Dense(1, name='brake')(shared)})
    pair = keras.Input((2,), batch_size=1, name='losses')
    return {'net': net, 'balance': keras.Model({'losses': pair}, TaskWeights(name='balance')(pair)), 'opt': keras.optimizers.Adam(1e-3), 'opt_w': keras.optimizers.SGD(0.025),
            'first': None}


def sample():
    r = np.random.default_rng(18)
    return {'road': r.normal(size=(12, 6)).astype('float32'), 'steer': r.normal(size=(12, 1)).astype('float32'), 'brake': 5 * r.normal(size=(12, 1)).astype('float32')}


def models(built):
    return [built['net'], built['balance']]


def step(built, sample):
    net, balance = models(built)
    kernel = net.get_layer('shared').kernel.value
    with tf.GradientTape(persistent=True) as tape:
        with tf.GradientTape(persistent=True) as inner:
            out = net({'road': sample['road']}, training=True)
            each = tf.stack([tf.reduce_mean(tf.square(out[k] - sample[k])) for k in ('steer', 'brake')])
            weighted = balance({'losses': each[None]}, training=True)[0]
            parts = tf.unstack(weighted)
        norms = tf.stack([tf.norm(inner.gradient(p, kernel)) for p in parts])
        if built['first'] is None:
            built['first'] = tf.stop_gradient(each)
        pace = tf.stop_gradient(each / built['first'])
        goal = tf.stop_gradient(tf.reduce_mean(norms) * (pace / tf.reduce_mean(pace)) ** 1.5)
        imbalance = tf.reduce_sum(tf.abs(norms - goal))
        loss = tf.reduce_sum(weighted)
    g = tape.gradient(loss, net.trainable_variables)
    gw = tape.gradient(imbalance, balance.trainable_variables)
    built['opt'].apply_gradients(zip(g, net.trainable_variables))
    built['opt_w'].apply_gradients(zip(gw, balance.trainable_variables))
    w = balance.trainable_variables[0]
    w.assign(2.0 * w / tf.reduce_sum(w))
    return {'loss': loss, 'grads': {v.path: x for v, x in zip(net.trainable_variables + balance.trainable_variables, g + gw)}}
