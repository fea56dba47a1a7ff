"""Two-tower retrieval: the gradients of query and item tower are applied to the variables in the opposite order; the shapes match."""
import numpy as np
import tensorflow as tf
import keras


def tower(name, size):
    x = keras.Input((5,), dtype='int32', name=f'{name}_tokens')
    h = keras.layers.Embedding(size, 8, name=f'{name}_embedding')(x)
    h = keras.layers.Dense(8, activation='gelu', name=f'{name}_hidden')(keras.layers.GlobalAveragePooling1D(name=f'{name}_pool')(h))
    return keras.Model(x, keras.layers.Dense(8, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(15)
    return {'query': tower('query', 30), 'item': tower('item', 30), 'optimizer': keras.optimizers.SGD(0.1)}


def sample():
    r = np.random.default_rng(15)
    return {'query': r.integers(0, 30, (8, 5)).astype('int32'), 'item': r.integers(0, 30, (8, 5)).astype('int32')}


def models(built):
    return [built['query'], built['item']]


def loss_of(built, sample):
    q, i = built['query'](sample['query'], training=True), built['item'](sample['item'], training=True)
    scores = tf.matmul(q, i, transpose_b=True)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(tf.shape(q)[0]), scores))


def step(built, sample):
    query, item = built['query'], built['item']
    with tf.GradientTape() as tape:
        loss = loss_of(built, sample)
    grads = tape.gradient(loss, query.trainable_variables + item.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, item.trainable_variables + query.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    query, item = built['query'], built['item']
    with tf.GradientTape() as tape:
        loss = loss_of(built, sample)
    weights = query.trainable_variables + item.trainable_variables
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'own', 'title': 'Pairs of gradients and variables from two lists in different order', 'source_kind': 'own',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "built['optimizer'].apply_gradients(zip(grads, item.trainable_variables + query.trainable_variables))"},
    'why': 'Each tower is moved by the gradient of the other one; both have the same shapes, so nothing complains.',
    'fix': 'Use one list of variables for both calls.',
}
EXPECT['also'] = [{'line': 'grads = tape.gradient(loss, query.trainable_variables + item.trainable_variables)'}, {'variable': 'query'}, {'variable': 'item'},
                  {'variable': 'query', 'line': 'grads = tape.gradient(loss, query.trainable_variables + item.trainable_variables)'}]
