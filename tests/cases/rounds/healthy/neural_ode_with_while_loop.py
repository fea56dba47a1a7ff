"""Neural ODE: Runge-Kutta steps in a tf.while_loop with a learned end time."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'neural_ode_with_while_loop'


@keras.saving.register_keras_serializable(package=PKG)
class OdeFlow(keras.layers.Layer):
    def build(self, shape):
        d = shape[-1]
        self.w = self.add_weight(shape=(d + 1, d), name='w')
        self.b = self.add_weight(shape=(d,), initializer='zeros', name='b')
        self.log_time = self.add_weight(shape=(), initializer='zeros', name='log_time')

    def call(self, state):
        h = tf.exp(self.log_time) / 5.0

        def velocity(t, y):
            return tf.tanh(tf.matmul(tf.concat([y, t * tf.ones_like(y[:, :1])], axis=-1), self.w) + self.b)

        def body(i, y):
            t = tf.cast(i, tf.float32) * h
            a = velocity(t, y)
            b = velocity(t + h / 2, y + h / 2 * a)
            return i + 1, y + h * b

        return tf.while_loop(lambda i, y: i < 5, body, (tf.constant(0), state), maximum_iterations=5)[1]

    def compute_output_shape(self, shape):
        return shape


def build():
    keras.utils.set_random_seed(12)
    x = keras.Input((7,), name='initial')
    h = keras.layers.Dense(8, name='lift')(x)
    h = OdeFlow(name='flow')(h)
    m = keras.Model({'initial': x}, keras.layers.Dense(2, name='read')(h))
    m.compile('adam', 'mse')
    return m


def sample():
    r = np.random.default_rng(12)
    return {'initial': r.normal(size=(12, 7)).astype('float32'), 'y': r.normal(size=(12, 2)).astype('float32')}


NOTES = dict(family='neural ode', why_hard='a while loop with an integer counter that is cast, a learned step size', legit_nongradient=[])
