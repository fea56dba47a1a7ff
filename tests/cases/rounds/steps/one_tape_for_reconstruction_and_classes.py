"""An autoencoder and its classifier share a tape that can be asked only once."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((10,)), keras.layers.Dense(6, 'tanh', name='encode')], name='encoder')
    decoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(10, name='decode')], name='decoder')
    classifier = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name='classify')], name='classifier')
    return {'encoder': encoder, 'decoder': decoder, 'classifier': classifier,
            'ae_optimizer': keras.optimizers.Adam(1e-3), 'class_optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(6, 10)).astype('float32'), 'y': r.integers(0, 3, 6)}


def models(built):
    return [built['encoder'], built['decoder'], built['classifier']]


def step(built, sample):
    ae_variables = built['encoder'].trainable_variables + built['decoder'].trainable_variables
    with tf.GradientTape() as tape:
        code = built['encoder'](sample['x'], training=True)
        rebuilt = built['decoder'](code, training=True)
        ae_loss = tf.reduce_mean(tf.square(rebuilt - sample['x']))
        logits = built['classifier'](code, training=True)
        class_loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(sample['y'], logits, from_logits=True))
    ae_gradients = tape.gradient(ae_loss, ae_variables)
    class_gradients = tape.gradient(class_loss, built['classifier'].trainable_variables)
    built['ae_optimizer'].apply_gradients(zip(ae_gradients, ae_variables))
    built['class_optimizer'].apply_gradients(zip(class_gradients, built['classifier'].trainable_variables))
    return {'ae_loss': ae_loss, 'class_loss': class_loss}


def fixed_step(built, sample):
    coder = built['encoder'].trainable_variables + built['decoder'].trainable_variables
    judge = built['classifier'].trainable_variables
    with tf.GradientTape() as ae_tape, tf.GradientTape() as class_tape:
        hidden = built['encoder'](sample['x'], training=True)
        ae_loss = tf.reduce_mean(tf.square(built['decoder'](hidden, training=True) - sample['x']))
        scores = built['classifier'](hidden, training=True)
        class_loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(sample['y'], scores, from_logits=True))
    built['ae_optimizer'].apply_gradients(zip(ae_tape.gradient(ae_loss, coder), coder))
    built['class_optimizer'].apply_gradients(zip(class_tape.gradient(class_loss, judge), judge))
    return {'ae_loss': ae_loss, 'class_loss': class_loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31265',
    'title': 'No gradients provided for any variable (two intertwined losses on one GradientTape)',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None,
                'line': "class_gradients = tape.gradient(class_loss, built['classifier'].trainable_variables)"},
    'why': 'A tape that is not persistent releases its record at the first question; the second raises RuntimeError.',
    'fix': 'Use a tape for each loss, or persistent=True.',
}
EXPECT['also'] = [
    {'variable': 'classify', 'line': 'class_gradients = tape.gradient('},
    {'variable': None, 'line': 'with tf.GradientTape() as tape:'},
    {'variable': None, 'line': 'ae_gradients = tape.gradient(ae_loss, ae_variables)'},
]
