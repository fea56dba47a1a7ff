"""Deep equilibrium model: solved without recording, attached by one application of the cell, and differentiated by a Neumann series."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((5,), name='signal')
    inject = keras.Model(x, keras.layers.Dense(10, name='inject_dense')(x), name='inject')
    z, u = keras.Input((10,), name='state'), keras.Input((10,), name='drive')
    w = keras.layers.Dense(10, kernel_initializer=keras.initializers.RandomNormal(stddev=0.1, seed=1), name='cell_dense')(z)
    cell = keras.Model([z, u], keras.layers.Activation('tanh', name='cell_tanh')(keras.layers.Add(name='cell_add')([w, u])), name='cell')
    h = keras.Input((10,), name='equilibrium')
    head = keras.Model(h, keras.layers.Dense(1, name='head_out')(h), name='head')
    return {'inject': inject, 'cell': cell, 'head': head, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(12, 5)).astype('float32')
    return {'signal': x, 'y': np.sin(x.sum(1, keepdims=True)).astype('float32')}


def models(built):
    return [built['inject'], built['cell'], built['head']]


def implicit_identity(cell, root, drive):
    root, drive = tf.stop_gradient(root), tf.stop_gradient(drive)

    @tf.custom_gradient
    def identity(z):
        def grad(dy):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(root)
                out = cell([root, drive])
            adjoint = dy
            for _ in range(10):
                adjoint = dy + tape.gradient(out, root, output_gradients=adjoint)
            return adjoint
        return tf.identity(z), grad
    return identity


def step(built, sample):
    inject, cell, head = models(built)
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        u = inject(sample['signal'], training=True)
        with tape.stop_recording():
            z = tf.zeros_like(u)
            for _ in range(25):
                z = cell([z, u])
        root = z
        z = implicit_identity(cell, root, u)(cell([root, u]))
        loss = tf.reduce_mean(tf.square(head(z, training=True) - sample['y']))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}
