"""Two optimizers with a learning rate each: variables are sorted by the prefix of v.name, which in Keras 3 has none."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((None,), dtype='int32', name='tokens')
    h = keras.layers.Embedding(40, 12, mask_zero=True, name='encoder_table')(x)
    h = keras.layers.Bidirectional(keras.layers.LSTM(8, name='lstm'), name='encoder_lstm')(h)
    h = keras.layers.LayerNormalization(name='encoder_norm')(h)
    h = keras.layers.Dense(10, activation='gelu', name='head_hidden')(h)
    net = keras.Model(x, keras.layers.Dense(3, name='head_logits')(h), name='tagger')
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, 100, warmup_steps=0)
    return {'net': net, 'slow': keras.optimizers.Adam(1e-4), 'fast': keras.optimizers.Adam(schedule)}


def sample():
    r = np.random.default_rng(0)
    return {'tokens': r.integers(1, 40, (10, 7)).astype('int32'), 'y': r.integers(0, 3, 10).astype('int32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        logits = net(sample['tokens'], training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
    grads = tape.gradient(loss, net.trainable_variables)
    for prefix, optimizer in (('encoder', built['slow']), ('head', built['fast'])):
        pairs = [(g, v) for g, v in zip(grads, net.trainable_variables) if v.name.startswith(prefix)]
        if pairs:
            optimizer.apply_gradients(pairs)
    return {'loss': loss}


def fixed_step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        logits = net(sample['tokens'], training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
    grads = tape.gradient(loss, net.trainable_variables)
    for prefix, optimizer in (('encoder', built['slow']), ('head', built['fast'])):
        pairs = [(g, v) for g, v in zip(grads, net.trainable_variables) if v.path.startswith(prefix)]
        if pairs:
            optimizer.apply_gradients(pairs)
    return {'loss': loss}


LINE = 'pairs = [(g, v) for g, v in zip(grads, net.trainable_variables) if v.name.startswith(prefix)]'
EXPECT = {
    'source': 'own', 'title': "Keras 2 names ('encoder/kernel:0') expected of Keras 3 variables", 'source_kind': 'own',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': LINE},
    'why': "A Keras 3 variable is named 'kernel'; the layer's name is only in its path. Neither list has a member and no optimizer is called.",
    'fix': 'v.path.startswith(prefix), or the variables of the layers.',
    'symptom': [('unmoved', '')],
}
EXPECT['also'] = [{'variable': 'encoder', 'line': LINE}, {'variable': 'head', 'line': LINE}, {'line': 'if pairs:'}, {'line': 'optimizer.apply_gradients(pairs)'},
                  {'variable': 'encoder', 'line': 'grads = tape.gradient(loss, net.trainable_variables)'}, {'line': 'grads = tape.gradient(loss, net.trainable_variables)'},
                  {'variable': 'encoder', 'line': 'optimizer.apply_gradients(pairs)'}]
