"""Differentially private step: per-example gradients by a jacobian, clipped one by one, averaged, with noise."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(14)
    ward, lab = keras.Input((3,), name='ward'), keras.Input((5,), name='lab')
    x = keras.layers.Dense(8, activation='tanh', name='mix')(keras.layers.Concatenate()([ward, lab]))
    return {'net': keras.Model({'ward': ward, 'lab': lab}, keras.layers.Dense(1, name='risk')(x)), 'optimizer': keras.optimizers.SGD(0.1)}


def sample():
    r = np.random.default_rng(14)
    return {'ward': r.normal(size=(8, 3)).astype('float32'), 'lab': r.normal(size=(8, 5)).astype('float32'), 'y': r.integers(0, 2, (8, 1)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net, clip = built['net'], 1.0
    with tf.GradientTape() as tape:
        logits = net({'ward': sample['ward'], 'lab': sample['lab']}, training=True)
        each = tf.squeeze(tf.nn.sigmoid_cross_entropy_with_logits(sample['y'], logits), -1)
    jacobians = tape.jacobian(each, net.trainable_variables)
    norms = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(tf.reshape(j, (8, -1))), -1) for j in jacobians]))
    share = tf.minimum(1.0, clip / (norms + 1e-6))
    grads = [tf.tensordot(share, j, 1) / 8.0 for j in jacobians]
    noisy = [g + 0.01 * clip / 8.0 * tf.random.stateless_normal(g.shape, (14, i)) for i, g in enumerate(grads)]
    built['optimizer'].apply_gradients(zip(noisy, net.trainable_variables))
    return {'loss': tf.reduce_mean(each), 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}
