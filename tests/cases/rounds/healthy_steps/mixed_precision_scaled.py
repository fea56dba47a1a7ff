"""Mixed precision with a LossScaleOptimizer whose scale is used."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(9)
    x = keras.Input((16, 4), name='series')
    h = keras.layers.Conv1D(8, 3, activation='relu', dtype='mixed_float16', name='conv')(x)
    h = keras.layers.GlobalAveragePooling1D(dtype='mixed_float16', name='pool')(h)
    model = keras.Model(x, keras.layers.Dense(2, dtype='float32', name='out')(h))
    opt = keras.optimizers.LossScaleOptimizer(keras.optimizers.AdamW(1e-3), initial_scale=1024.0)
    opt.build(model.trainable_variables)
    return {'model': model, 'opt': opt}


def sample():
    r = np.random.default_rng(9)
    return {'x': r.normal(size=(8, 16, 4)).astype('float32'), 'y': r.normal(size=(8, 2)).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model, opt = built['model'], built['opt']
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(sample['x'], training=True) - sample['y']))
        scaled = opt.scale_loss(loss)
    grads = tape.gradient(scaled, model.trainable_variables)
    opt.apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}
