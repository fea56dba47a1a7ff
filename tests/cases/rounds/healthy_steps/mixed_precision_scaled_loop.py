"""Mixed float16 with LossScaleOptimizer: the loss is scaled in the tape, the optimizer unscales; a weight decay penalty in float32."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((10, 10, 2), name='x')
    h = keras.layers.Conv2D(8, 3, activation='relu', dtype='mixed_float16', name='conv')(x)
    h = keras.layers.GlobalAveragePooling2D(dtype='mixed_float16')(h)
    return {'net': keras.Model(x, keras.layers.Dense(3, dtype='float32', name='out')(h), name='net'),
            'opt': keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3), initial_scale=1024.0)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(8, 10, 10, 2)).astype('float32'), 'y': r.integers(0, 3, 8)}


def models(built):
    return [built['net']]


def step(built, sample):
    net, opt = built['net'], built['opt']
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], net(sample['x'], training=True)))
        loss += 1e-4 * tf.add_n([tf.reduce_sum(v.value ** 2) for v in net.trainable_variables if v.path.endswith('kernel')])
        scaled = opt.scale_loss(loss)
    opt.apply(tape.gradient(scaled, net.trainable_variables), net.trainable_variables)
    return loss
