"""Curvature penalty by forward-over-reverse Hessian-vector products with random signs (Hutchinson)."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((7,), name='features')
    h = keras.layers.Dense(14, activation='softplus', name='mlp_hidden')(x)
    net = keras.Model(x, keras.layers.Dense(1, name='mlp_out')(h), name='mlp')
    return {'net': net, 'optimizer': keras.optimizers.SGD(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'features': r.normal(size=(16, 7)).astype('float32'), 'y': r.normal(size=(16, 1)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    variables = [v.value for v in net.trainable_variables]
    signs = [tf.sign(tf.random.normal(v.shape)) for v in variables]
    with tf.GradientTape() as outer:
        with tf.autodiff.ForwardAccumulator(variables, signs) as acc:
            with tf.GradientTape() as inner:
                mse = tf.reduce_mean((net(sample['features'], training=True) - sample['y']) ** 2)
            slopes = inner.gradient(mse, variables)
        products = acc.jvp(slopes, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        trace = tf.add_n([tf.reduce_sum(s * p) for s, p in zip(signs, products)])
        loss = mse + 1e-3 * tf.square(trace)
    built['optimizer'].apply_gradients(zip(outer.gradient(loss, variables), net.trainable_variables))
    return {'mse': mse, 'trace': trace}
