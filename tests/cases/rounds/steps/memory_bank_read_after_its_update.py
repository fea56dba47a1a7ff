"""Instance discrimination with a memory bank: the new codes are written to the bank and read back for the loss."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((10,)), keras.layers.Dense(8, 'relu', name='enc1'), keras.layers.Dense(4, name='enc2')], name='encoder')
    predictor = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name='predict')], name='predictor')
    bank = keras.Sequential([keras.Input((), dtype='int32'), keras.layers.Embedding(16, 4, trainable=False, name='bank')], name='memory')
    return {'encoder': encoder, 'predictor': predictor, 'memory': bank, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(6, 10)).astype('float32'), 'ids': r.permutation(16)[:6].astype('int32')}


def models(built):
    return [built['encoder'], built['predictor'], built['memory']]


def step(built, sample):
    table = built['memory'].get_layer('bank').embeddings
    variables = built['encoder'].trainable_variables + built['predictor'].trainable_variables
    with tf.GradientTape() as tape:
        codes = tf.math.l2_normalize(built['encoder'](sample['x'], training=True), axis=1)
        table.assign(tf.tensor_scatter_nd_update(table.value, sample['ids'][:, None], codes))
        anchors = built['memory'](sample['ids'])
        logits = tf.matmul(built['predictor'](anchors, training=True), table.value, transpose_b=True) / 0.2
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=sample['ids'], logits=logits))
    gradients = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(gradients, variables))
    return {'loss': loss}


def fixed_step(built, sample):
    store = built['memory'].get_layer('bank').embeddings
    weights = built['encoder'].trainable_variables + built['predictor'].trainable_variables
    with tf.GradientTape() as tape:
        fresh = tf.math.l2_normalize(built['encoder'](sample['x'], training=True), axis=1)
        scores = tf.matmul(built['predictor'](fresh, training=True), store.value, transpose_b=True) / 0.2
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=sample['ids'], logits=scores))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    store.assign(tf.tensor_scatter_nd_update(store.value, sample['ids'][:, None], fresh))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/54532',
    'title': 'tape.gradient returns None when assign is used in a model for computation of a function',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'enc2/kernel', 'layer': None, 'op': None,
                'line': "table.assign(tf.tensor_scatter_nd_update(table.value, sample['ids'][:, None], codes))"},
    'why': 'An assignment is not differentiable: what is read from the bank knows nothing of the encoder.',
    'fix': 'Compute the loss with the fresh codes and update the bank after the step.',
}
EXPECT['also'] = [
    {'variable': 'enc1', 'line': 'table.assign('}, {'variable': None, 'input': 'x', 'line': 'table.assign('}, {'variable': None, 'line': 'table.assign('},
    {'variable': 'enc', 'line': "anchors = built['memory'](sample['ids'])"},
    {'variable': 'enc', 'line': "codes = tf.math.l2_normalize(built['encoder'](sample['x'], training=True), axis=1)"},
]
