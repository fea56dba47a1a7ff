"""Mixture of experts for traffic forecasts: a router sends each example to its two best experts."""
import numpy as np
import tensorflow as tf
import keras


EXPERTS = 4


def build():
    keras.utils.set_random_seed(19)
    flow = keras.Input((12,), name='flow')
    router = keras.Model({'flow': flow}, keras.layers.Dense(EXPERTS, name='gate')(flow), name='router')
    outs = []
    for i in range(EXPERTS):
        outs.append(keras.layers.Dense(3, name=f'expert{i}_out')(keras.layers.Dense(8, activation='relu', name=f'expert{i}_in')(flow)))
    experts = keras.Model({'flow': flow}, keras.ops.stack(outs, 1), name='experts')
    return {'router': router, 'experts': experts, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(19)
    return {'flow': r.normal(size=(16, 12)).astype('float32'), 'y': r.normal(size=(16, 3)).astype('float32')}


def models(built):
    return [built['router'], built['experts']]


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        scores = built['router']({'flow': sample['flow']}, training=True)
        _, chosen = tf.math.top_k(scores, k=2)
        answers = tf.gather(built['experts']({'flow': sample['flow']}, training=True), chosen, batch_dims=1)
        forecast = tf.reduce_mean(answers, 1)
        loss = tf.reduce_mean(tf.square(forecast - sample['y']))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


def fixed_step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        scores = built['router']({'flow': sample['flow']}, training=True)
        best, chosen = tf.math.top_k(scores, k=2)
        answers = tf.gather(built['experts']({'flow': sample['flow']}, training=True), chosen, batch_dims=1)
        forecast = tf.reduce_sum(answers * tf.nn.softmax(best)[..., None], 1)
        loss = tf.reduce_mean(tf.square(forecast - sample['y']))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


EXPECT = {
    'source': 'https://github.com/davidmrau/mixture-of-experts/issues/11',
    'title': 'Question about the noisy top-k gating',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'gate', 'layer': None, 'op': 'TopKV2', 'line': '_, chosen = tf.math.top_k(scores, k=2)'},
    'why': 'Only the indices of the router are used, and indices have no gradient; the router never learns.',
    'fix': 'Weight the answers with the softmax of the scores of the chosen experts.',
    'also': [{'input': None, 'variable': 'gate', 'layer': None, 'op': None, 'line': 'forecast = tf.reduce_mean(answers, 1)'},
             {'input': None, 'variable': 'gate', 'layer': None, 'op': None, 'line': 'answers = tf.gather('},
             {'input': None, 'variable': 'gate', 'layer': None, 'op': None, 'line': "scores = built['router']({'flow': sample['flow']}, training=True)"}],
    'symptom': [('grad', 'gate/kernel', 'none')],
}
