"""Grad-CAM maps compared with masks: the inner tape differentiates scores to feature maps of the same pass."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(8)
    scan = keras.Input((10, 10, 1), name='scan')
    maps = keras.layers.Conv2D(8, 3, padding='same', activation='softplus', name='maps')(scan)
    features = keras.Model({'scan': scan}, maps)
    m = keras.Input((10, 10, 8), name='m')
    head = keras.Model({'m': m}, keras.layers.Dense(2, name='finding')(keras.layers.Dense(6, activation='tanh', name='dense')(keras.layers.GlobalAveragePooling2D()(m))))
    return {'features': features, 'head': head, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(8)
    return {'scan': r.uniform(size=(6, 10, 10, 1)).astype('float32'), 'mask': (r.uniform(size=(6, 10, 10)) > 0.7).astype('float32'), 'y': r.integers(0, 2, 6).astype('int32')}


def models(built):
    return [built['features'], built['head']]


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        maps = built['features']({'scan': sample['scan']}, training=True)
        with tf.GradientTape() as inner:
            inner.watch(maps)
            logits = built['head']({'m': maps}, training=True)
            score = tf.gather(logits, sample['y'], batch_dims=1)
        slopes = inner.gradient(score, maps)
        cam = tf.nn.sigmoid(10.0 * tf.reduce_sum(maps * tf.reduce_sum(slopes, (1, 2), keepdims=True), -1))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)) + 0.3 * tf.reduce_mean(tf.square(cam - sample['mask']))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}
