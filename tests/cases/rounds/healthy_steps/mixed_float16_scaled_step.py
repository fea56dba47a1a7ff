"""Mixed precision with LossScaleOptimizer: the scaled loss is differentiated, the optimizer unscales by itself."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='mixed precision', why_hard='the gradients on the tape are 1024 times too large on purpose', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(6)
    kw = dict(dtype='mixed_float16')
    x = keras.Input((12, 12, 1), name='scan')
    h = keras.layers.Conv2D(8, 3, 2, activation='relu', name='conv1', **kw)(x)
    h = keras.layers.Conv2D(8, 3, 1, activation='relu', name='conv2', **kw)(h)
    h = keras.layers.Flatten(name='flat', **kw)(h)
    model = keras.Model(x, keras.layers.Dense(1, name='score', dtype='float32')(h), name='scorer')
    return {'model': model, 'optimizer': keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3), initial_scale=1024.0)}


def sample():
    r = np.random.default_rng(6)
    return {'scan': r.random((8, 12, 12, 1)).astype('float32'), 'finding': r.integers(0, 2, (8, 1)).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model, optimizer = built['model'], built['optimizer']
    optimizer.build(model.trainable_variables)
    with tf.GradientTape() as tape:
        logit = model(sample['scan'], training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=sample['finding'], logits=logit))
        scaled = optimizer.scale_loss(loss)
    optimizer.apply_gradients(zip(tape.gradient(scaled, model.trainable_variables), model.trainable_variables))
    return loss
