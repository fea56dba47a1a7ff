"""Graph link prediction: the node embeddings are computed once before the tape and only the edge decoder runs inside of it."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(9)
    features, adjacency = keras.Input((6,), name='features'), keras.Input((14,), name='adjacency')
    h = keras.layers.Dense(12, name='gcn_a')(features)
    h = keras.layers.Activation('relu', name='gcn_relu')(keras.layers.Lambda(lambda p: tf.matmul(p[0], p[1]), output_shape=(12,), name='spread_a')([adjacency, h]))
    encoder = keras.Model({'features': features, 'adjacency': adjacency}, keras.layers.Dense(8, name='gcn_b')(h), name='encoder')
    pair = keras.Input((16,), name='pair')
    decoder = keras.Model(pair, keras.layers.Dense(1, name='edge_out')(keras.layers.Dense(8, activation='relu', name='edge_hidden')(pair)), name='decoder')
    return {'encoder': encoder, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(9)
    a = (r.random((14, 14)) < 0.2).astype('float32')
    a = np.maximum(np.maximum(a, a.T), np.eye(14, dtype='float32'))
    return {'features': r.normal(size=(14, 6)).astype('float32'), 'adjacency': (a / a.sum(1, keepdims=True)).astype('float32'),
            'edges': r.integers(0, 14, (20, 2)).astype('int32'), 'exists': r.integers(0, 2, (20, 1)).astype('float32')}


def models(built):
    return [built['encoder'], built['decoder']]


def edge_loss(built, sample, nodes):
    pair = tf.concat([tf.gather(nodes, sample['edges'][:, 0]), tf.gather(nodes, sample['edges'][:, 1])], axis=1)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['exists'], built['decoder'](pair, training=True)))


def step(built, sample):
    encoder, decoder = built['encoder'], built['decoder']
    nodes = encoder({'features': sample['features'], 'adjacency': sample['adjacency']}, training=True)
    with tf.GradientTape() as tape:
        loss = edge_loss(built, sample, nodes)
    weights = encoder.trainable_variables + decoder.trainable_variables
    grads = tape.gradient(loss, weights)
    built['optimizer'].apply_gradients(zip(grads, weights))
    return {'loss': loss}


def fixed_step(built, sample):
    encoder, decoder = built['encoder'], built['decoder']
    with tf.GradientTape() as tape:
        embedded = encoder({'features': sample['features'], 'adjacency': sample['adjacency']}, training=True)
        loss = edge_loss(built, sample, embedded)
    weights = encoder.trainable_variables + decoder.trainable_variables
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'own', 'title': 'Node embeddings cached outside of the tape', 'source_kind': 'own',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'gcn_a/kernel', 'layer': None, 'op': None, 'line': "nodes = encoder({'features': sample['features'], 'adjacency': sample['adjacency']}, training=True)"},
    'why': 'The tape never saw the encoder; only the decoder is trained.',
    'fix': 'Call the encoder inside of the block.',
}
EXPECT['also'] = [{'variable': 'gcn_b'}, {'layer': 'encoder'}, {'layer': 'encoder', 'variable': 'gcn_b'}, {'variable': None}, {'line': 'with tf.GradientTape() as tape:'},
                  {'line': 'grads = tape.gradient(loss, weights)'}]
