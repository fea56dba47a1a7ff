"""Sharpness-aware minimization: climb, second tape, climb down, apply."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(18)
    x = keras.Input((12, 3), name='points')
    h = keras.layers.GlobalMaxPooling1D(name='pool')(keras.layers.Conv1D(12, 1, activation='gelu', name='mlp')(x))
    return {'model': keras.Model(x, keras.layers.Dense(3, name='shape')(h)), 'opt': keras.optimizers.SGD(0.05, momentum=0.9)}


def sample():
    r = np.random.default_rng(18)
    return {'points': r.normal(size=(10, 12, 3)).astype('float32'), 'y': r.integers(0, 3, 10).astype('int32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    weights = model.trainable_variables

    def slopes():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], model(sample['points'], training=True)))
        return loss, tape.gradient(loss, weights)

    loss, grads = slopes()
    scale = 0.05 / (tf.linalg.global_norm(grads) + 1e-12)
    for v, g in zip(weights, grads):
        v.assign_add(scale * g)
    _, sharp = slopes()
    for v, g in zip(weights, grads):
        v.assign_sub(scale * g)
    built['opt'].apply_gradients(zip(sharp, weights))
    return {'loss': loss}
