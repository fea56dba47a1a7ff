"""BYOL: predictor on the online side, symmetric loss against stop_gradient of a target network that follows by EMA."""
import numpy as np
import tensorflow as tf
import keras


def trunk(name):
    x = keras.Input((10,), name='view')
    h = keras.layers.Dense(24, use_bias=False, name=f'{name}_h')(x)
    h = keras.layers.ReLU()(keras.layers.BatchNormalization(name=f'{name}_bn')(h))
    return keras.Model(x, keras.layers.Dense(8, name=f'{name}_z')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    online, target = trunk('online'), trunk('target')
    target.set_weights(online.get_weights())
    target.trainable = False
    z = keras.Input((8,), name='z')
    h = keras.layers.Dense(16, activation='relu', name='p_h')(z)
    return {'online': online, 'target': target, 'predictor': keras.Model(z, keras.layers.Dense(8, name='p_o')(h), name='predictor'), 'opt': keras.optimizers.AdamW(1e-3)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(16, 10))
    return {'a': (x + .2 * r.normal(size=x.shape)).astype('float32'), 'b': (x + .2 * r.normal(size=x.shape)).astype('float32')}


def models(built):
    return [built['online'], built['predictor']]


def regression(p, z):
    return 2 - 2 * tf.reduce_mean(tf.reduce_sum(tf.math.l2_normalize(p, 1) * tf.stop_gradient(tf.math.l2_normalize(z, 1)), 1))


def step(built, sample):
    online, target, predictor = built['online'], built['target'], built['predictor']
    variables = online.trainable_variables + predictor.trainable_variables
    with tf.GradientTape() as tape:
        pa, pb = (predictor(online(sample[k], training=True), training=True) for k in 'ab')
        za, zb = (target(sample[k], training=True) for k in 'ab')
        loss = regression(pa, zb) + regression(pb, za)
    built['opt'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    for t, o in zip(target.weights, online.weights):
        t.assign(0.98 * t + 0.02 * o)
    return loss
