"""Multiple-instance learning: the softmax of the attention runs over the last axis, which has one entry."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    embed = keras.Sequential([keras.Input((6, 4)), keras.layers.Dense(8, 'relu', name='instance')], name='embed')
    scorer = keras.Sequential([keras.Input((6, 8)), keras.layers.Dense(5, 'tanh', name='attention_hidden'),
                               keras.layers.Dense(1, use_bias=False, name='attention_score')], name='scorer')
    head = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, name='bag_logit')], name='head')
    return {'embed': embed, 'scorer': scorer, 'head': head, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'bags': r.normal(size=(8, 6, 4)).astype('float32'), 'y': r.integers(0, 2, (8, 1)).astype('float32')}


def models(built):
    return [built['embed'], built['scorer'], built['head']]


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        h = built['embed'](sample['bags'], training=True)
        scores = built['scorer'](h, training=True)
        attention = tf.nn.softmax(scores)
        pooled = tf.reduce_sum(attention * h, axis=1)
        logit = built['head'](pooled, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=sample['y'], logits=logit))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}


def fixed_step(built, sample):
    weights = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        instances = built['embed'](sample['bags'], training=True)
        share = tf.nn.softmax(built['scorer'](instances, training=True), axis=1)
        answer = built['head'](tf.reduce_sum(share * instances, axis=1), training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=sample['y'], logits=answer))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/PetrochukM/PyTorch-NLP/issues/2',
    'title': "Attention's softmax dimension is wrong? (the weights are always 1)",
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'attention_score/kernel', 'layer': None, 'op': 'Softmax', 'line': 'attention = tf.nn.softmax(scores)'},
    'why': 'The softmax over an axis of one entry is always 1; the scorer gets a gradient of zero.',
    'fix': 'Take the softmax over the instances, axis=1.',
}
EXPECT['also'] = [
    {'variable': 'attention_hidden', 'line': 'attention = tf.nn.softmax(scores)'},
    {'variable': 'attention', 'op': None, 'line': 'attention = tf.nn.softmax(scores)'},
    {'variable': 'attention', 'op': None, 'line': "scores = built['scorer'](h, training=True)"},
]
