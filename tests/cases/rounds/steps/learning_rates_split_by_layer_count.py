"""Fine-tuning with two learning rates: the list of gradients is cut at the number of layers, not of variables; the middle is dropped."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(21)
    tokens = keras.Input((6,), dtype='int32', name='tokens')
    h = keras.layers.Embedding(30, 8, name='embed')(tokens)
    a = keras.layers.MultiHeadAttention(2, 4, name='attention')(h, h)
    h = keras.layers.LayerNormalization(name='norm1')(keras.layers.Add(name='res1')([h, a]))
    f = keras.layers.Dense(16, activation='gelu', name='ffn_in')(h)
    f = keras.layers.Dense(8, name='ffn_out')(f)
    h = keras.layers.LayerNormalization(name='norm2')(keras.layers.Add(name='res2')([h, f]))
    backbone = keras.Model(tokens, keras.layers.GlobalAveragePooling1D(name='pool')(h), name='backbone')
    z = keras.Input((8,), name='features')
    head = keras.Model(z, keras.layers.Dense(3, name='head_logits')(keras.layers.Dropout(0.1, name='head_drop')(z)), name='head')
    return {'backbone': backbone, 'head': head,
            'slow': keras.optimizers.SGD(1e-2, momentum=0.9), 'fast': keras.optimizers.SGD(1e-1, momentum=0.9)}


def sample():
    r = np.random.default_rng(21)
    return {'tokens': r.integers(0, 30, (16, 6)).astype('int32'), 'label': r.integers(0, 3, 16).astype('int32')}


def models(built):
    return [built['backbone'], built['head']]


cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def update(built, sample, split):
    backbone, head = built['backbone'], built['head']
    with tf.GradientTape() as tape:
        loss = cross_entropy(sample['label'], head(backbone(sample['tokens'], training=True), training=True))
    weights = backbone.trainable_variables + head.trainable_variables
    pairs = list(zip(tape.gradient(loss, weights), weights))
    below, above = split(backbone, head)
    built['slow'].apply_gradients(pairs[:below])
    built['fast'].apply_gradients(pairs[-above:])
    return loss


def by_layers(backbone, head):
    return len(backbone.layers), len(head.trainable_variables)


def by_variables(backbone, head):
    return len(backbone.trainable_variables), len(head.trainable_variables)


def step(built, sample):
    return update(built, sample, by_layers)


def fixed_step(built, sample):
    return update(built, sample, by_variables)


EXPECT = {
    'source': 'https://exceptionshub.com/how-to-set-layer-wise-learning-rate-in-tensorflow.html',
    'title': 'How to set layer-wise learning rate in Tensorflow? (grads[:len(var_list1)], grads[len(var_list1):])',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': 'norm2/gamma', 'layer': None, 'op': None,
                'line': 'return len(backbone.layers), len(head.trainable_variables)'},
    'why': 'The backbone has fewer layers than variables: the gradients between the two slices are computed and thrown away.',
    'fix': 'Cut at len(backbone.trainable_variables).',
    'symptom': [('unmoved', 'norm2/gamma'), ('unmoved', 'ffn_out/kernel')],
    'also': [
        {'variable': 'ffn_out', 'line': "built['slow'].apply_gradients(pairs[:below])"},
        {'variable': 'norm2', 'line': "built['slow'].apply_gradients(pairs[:below])"},
        {'variable': None, 'line': "built['slow'].apply_gradients(pairs[:below])"},
        {'variable': None, 'line': "built['fast'].apply_gradients(pairs[-above:])"},
        {'variable': None, 'line': 'pairs = list(zip(tape.gradient(loss, weights), weights))'},
        {'variable': None, 'line': 'below, above = split(backbone, head)'},
        {'variable': None, 'line': 'return update(built, sample, by_layers)'},
    ],
}
