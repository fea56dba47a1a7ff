"""Second-order MAML: two inner steps on tensors, run by stateless_call, with learned per-variable inner rates."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3h')
class InnerRates(keras.Model):
    def __init__(self, n=4, **kwargs):
        super().__init__(**kwargs)
        self.n = n
        self.log_rate = self.add_weight(shape=(n,), initializer=keras.initializers.Constant(-3.), name='log_rate')

    def call(self, i):
        return tf.exp(tf.gather(self.log_rate, i))

    def get_config(self):
        return {**super().get_config(), 'n': self.n}


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((1,), name='x')
    h = keras.layers.Dense(24, activation='tanh', name='h')(x)
    return {'net': keras.Model(x, keras.layers.Dense(1, name='o')(h), name='net'), 'rates': InnerRates(name='rates'), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    x = r.uniform(-4, 4, (2, 3, 12, 1)).astype('float32')
    a = r.uniform(.5, 3, (1, 3, 1, 1)).astype('float32')
    return {'x': x, 'y': a * np.sin(x)}


def models(built):
    return [built['net'], built['rates']]


def step(built, sample):
    net, rates = built['net'], built['rates']
    variables = net.trainable_variables + rates.trainable_variables
    with tf.GradientTape() as outer:
        loss, rate = 0.0, rates(tf.range(4))
        for t in range(3):
            weights = [tf.identity(v.value) for v in net.trainable_variables]
            for _ in range(2):
                with tf.GradientTape() as inner:
                    inner.watch(weights)
                    p, _state = net.stateless_call(weights, [], sample['x'][0, t])
                    support = tf.reduce_mean((p - sample['y'][0, t]) ** 2)
                weights = [w - rate[i] * g for i, (w, g) in enumerate(zip(weights, inner.gradient(support, weights)))]
            p, _state = net.stateless_call(weights, [], sample['x'][1, t])
            loss += tf.reduce_mean((p - sample['y'][1, t]) ** 2) / 3
    built['opt'].apply_gradients(zip(outer.gradient(loss, variables), variables))
    return loss
