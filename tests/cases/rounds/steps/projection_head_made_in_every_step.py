"""ECG contrastive learning: the projection head is created anew inside of the step, so that it starts from random weights each time."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(19)
    x = keras.Input((40, 2), name='leads')
    h = keras.layers.Conv1D(8, 5, strides=2, activation='relu', name='beat_a')(x)
    h = keras.layers.Conv1D(12, 5, strides=2, activation='relu', name='beat_b')(h)
    encoder = keras.Model(x, keras.layers.GlobalAveragePooling1D(name='beat_pool')(h), name='encoder')
    return {'encoder': encoder, 'optimizer': keras.optimizers.Adam(1e-3)}


def fixed():
    head = keras.Sequential([keras.Input((12,)), keras.layers.Dense(12, activation='relu', name='head_hidden'), keras.layers.Dense(6, name='head_out')], name='head')
    return {**build(), 'head': head}


def sample():
    r = np.random.default_rng(19)
    x = r.normal(size=(8, 40, 2))
    return {'first': x.astype('float32'), 'second': (x[:, ::-1] + 0.1 * r.normal(size=x.shape)).astype('float32')}


def models(built):
    return [built[name] for name in ('encoder', 'head') if name in built]


def contrast(a, b):
    a, b = tf.math.l2_normalize(a, axis=1), tf.math.l2_normalize(b, axis=1)
    logits = tf.matmul(a, b, transpose_b=True) / 0.2
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(tf.shape(a)[0]), logits))


def step(built, sample):
    encoder = built['encoder']
    with tf.GradientTape() as tape:
        hidden, out = keras.layers.Dense(12, activation='relu'), keras.layers.Dense(6)
        za = out(hidden(encoder(sample['first'], training=True)))
        zb = out(hidden(encoder(sample['second'], training=True)))
        loss = contrast(za, zb)
    grads = tape.gradient(loss, encoder.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, encoder.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    encoder, head = built['encoder'], built['head']
    with tf.GradientTape() as tape:
        za = head(encoder(sample['first'], training=True), training=True)
        zb = head(encoder(sample['second'], training=True), training=True)
        loss = contrast(za, zb)
    weights = encoder.trainable_variables + head.trainable_variables
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/GouravWadhwa/Hypergraphs-Image-Inpainting/issues/3', 'title': 'New keras layers are created on every call: their weights are not updated', 'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "hidden, out = keras.layers.Dense(12, activation='relu'), keras.layers.Dense(6)"},
    'why': 'The head belongs to no model and no optimizer; each step throws it away.',
    'fix': 'Create the head once, and train it together with the encoder.',
}
EXPECT['also'] = [{'line': "za = out(hidden(encoder(sample['first'], training=True)))"}, {'variable': 'dense'}, {'line': 'grads = tape.gradient(loss, encoder.trainable_variables)'},
                  {'variable': 'dense', 'line': "za = out(hidden(encoder(sample['first'], training=True)))"}, {'layer': 'dense'}]
