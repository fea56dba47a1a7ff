"""Survival: the batch is sorted by time with NumPy, the risk sets are a cumulative log-sum-exp."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(14)
    genes, stage = keras.Input((16,), name='genes'), keras.Input((), dtype='int32', name='stage')
    h = keras.layers.Concatenate(name='patient')([keras.layers.Dense(10, activation='selu', name='pathway')(genes), keras.layers.Embedding(4, 3, name='stage_embedding')(stage)])
    return {'model': keras.Model({'genes': genes, 'stage': stage}, keras.layers.Dense(1, use_bias=False, name='risk')(h)), 'opt': keras.optimizers.Nadam(1e-3)}


def sample():
    r = np.random.default_rng(14)
    return {'genes': r.normal(size=(20, 16)).astype('float32'), 'stage': r.integers(0, 4, 20).astype('int32'), 'time': r.exponential(4, 20).astype('float32'), 'event': (r.random(20) < 0.5).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    order = np.argsort(-sample['time'])
    genes, stage, event = (sample[k][order] for k in ('genes', 'stage', 'event'))
    with tf.GradientTape() as tape:
        risk = model({'genes': genes, 'stage': stage}, training=True)[:, 0]
        loss = -tf.reduce_sum(event * (risk - tf.math.cumulative_logsumexp(risk))) / event.sum()
    grads = tape.gradient(loss, model.trainable_variables)
    built['opt'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}
