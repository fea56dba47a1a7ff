"""Inverse Burgers PINN: second derivatives by nested tapes, and the viscosity is a variable that is learned with the network."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='physics', why_hard='tapes inside of a tape, the coordinates are split off and joined again, the last bias has no part in the equation but in the data',
             legit_nongradient=[])


@keras.saving.register_keras_serializable(package='burgers_pinn_with_learned_viscosity')
class Field(keras.Model):
    def __init__(self, width=12, **kw):
        super().__init__(**kw)
        self.width = width
        self.hidden = [keras.layers.Dense(width, activation='tanh', name=f'hidden{i}') for i in range(2)]
        self.out = keras.layers.Dense(1, name='out')
        self.log_viscosity = self.add_weight(shape=(), initializer=keras.initializers.Constant(-3.0), name='log_viscosity')

    def get_config(self):
        return {**super().get_config(), 'width': self.width}

    def call(self, xt):
        h = xt
        for layer in self.hidden:
            h = layer(h)
        return self.out(h)


def build():
    keras.utils.set_random_seed(12)
    model = Field(name='field')
    model(np.zeros((1, 2), 'float32'))
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(12)
    x, t = r.uniform(-1, 1, (30, 1)), r.random((30, 1))
    return {'x': x.astype('float32'), 't': t.astype('float32'), 'u': (-np.sin(np.pi * x) * np.exp(-t)).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    x, t = tf.constant(sample['x']), tf.constant(sample['t'])
    with tf.GradientTape() as tape:
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch([x, t])
                u = model(tf.concat([x, t], 1), training=True)
            u_x, u_t = first.gradient(u, [x, t])
        u_xx = second.gradient(u_x, x)
        equation = u_t + u * u_x - tf.exp(model.log_viscosity) * u_xx
        loss = tf.reduce_mean(tf.square(equation)) + tf.reduce_mean(tf.square(u - sample['u']))
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return loss
