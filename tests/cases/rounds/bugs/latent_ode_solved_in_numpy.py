"""Neural ODE: the trajectory is integrated by a NumPy solver inside of a numpy_function."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'latent_ode_solved_in_numpy'


@keras.saving.register_keras_serializable(package=PKG)
class OdeBlock(keras.layers.Layer):
    def build(self, shape):
        d = shape[-1]
        self.field = self.add_weight(shape=(d, d), initializer=keras.initializers.RandomNormal(stddev=0.5, seed=2), name='field')
        self.drift = self.add_weight(shape=(d,), initializer=keras.initializers.RandomNormal(stddev=0.1, seed=3), name='drift')

    def call(self, state):
        def solve(start, field, drift):
            y = start.astype('float64')
            for _ in range(20):
                middle = y + 0.025 * np.tanh(y @ field + drift)
                y = y + 0.05 * np.tanh(middle @ field + drift)
            return y.astype('float32')

        end = tf.numpy_function(solve, [state, self.field, self.drift], tf.float32)
        return tf.ensure_shape(end, state.shape)

    def compute_output_shape(self, shape):
        return shape


@keras.saving.register_keras_serializable(package=PKG)
class OdeBlockRk4(OdeBlock):
    def call(self, state):
        def velocity(y):
            return tf.tanh(tf.matmul(y, self.field) + self.drift)

        h = 0.25
        for _ in range(4):
            a = velocity(state)
            b = velocity(state + h / 2 * a)
            c = velocity(state + h / 2 * b)
            state = state + h / 6 * (a + 2 * b + 2 * c + velocity(state + h * c))
        return state


def net(block):
    keras.utils.set_random_seed(8)
    vitals = keras.Input((10, 4), name='vital_signs')
    z = keras.layers.GRU(6, name='recognition')(vitals)
    z = block(z)
    m = keras.Model({'vital_signs': vitals}, keras.layers.Dense(4, name='next_reading')(z))
    m.compile('adam', 'mse')
    return m


def build():
    return net(OdeBlock(name='dynamics'))


def fixed():
    return net(OdeBlockRk4(name='dynamics'))


def sample():
    r = np.random.default_rng(10)
    return {'vital_signs': r.normal(size=(6, 10, 4)).astype('float32'), 'y': r.normal(size=(6, 4)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/47033',
    'title': 'Gradient computation fails through tf.numpy_function',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': 'vital_signs', 'variable': 'dynamics/field', 'layer': 'dynamics', 'op': 'PyFunc',
                'line': 'end = tf.numpy_function(solve, [state, self.field, self.drift], tf.float32)'},
    'why': 'numpy_function has no gradient: neither the field of the ODE nor the recognition network is trained.',
    'fix': 'Integrate with TensorFlow operations.',
}
EXPECT['also'] = [
    {'variable': 'recognition'}, {'variable': None}, {'op': 'NumpyFunction'}, {'op': 'EagerPyFunc'}, {'op': None},
    {'line': 'z = block(z)', 'op': None}, {'line': "return y.astype('float32')", 'op': None}, {'line': 'return tf.ensure_shape(end, state.shape)', 'op': None},
]
