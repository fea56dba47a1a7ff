"""Image-text contrastive training that resets the tape between its two towers to save memory."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(12)
    photo = keras.Input((8, 8, 3), name='photo')
    x = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='photo_conv')(photo)
    photos = keras.Model({'photo': photo}, keras.layers.Dense(6, name='photo_head')(keras.layers.GlobalMaxPooling2D()(x)), name='photos')
    caption = keras.Input((5,), dtype='int32', name='caption')
    t = keras.layers.Embedding(40, 8, mask_zero=True, name='words')(caption)
    captions = keras.Model({'caption': caption}, keras.layers.Dense(6, name='caption_head')(keras.layers.GlobalAveragePooling1D()(t)), name='captions')
    return {'photos': photos, 'captions': captions, 'optimizer': keras.optimizers.AdamW(1e-3)}


def sample():
    r = np.random.default_rng(12)
    return {'photo': r.uniform(size=(6, 8, 8, 3)).astype('float32'), 'caption': r.integers(1, 40, (6, 5)).astype('int32')}


def models(built):
    return [built['photos'], built['captions']]


def step(built, sample):
    photos, captions = built['photos'], built['captions']
    variables = photos.trainable_variables + captions.trainable_variables
    with tf.GradientTape() as tape:
        a = tf.nn.l2_normalize(photos({'photo': sample['photo']}, training=True), -1)
        tape.reset()
        b = tf.nn.l2_normalize(captions({'caption': sample['caption']}, training=True), -1)
        logits = tf.matmul(a, b, transpose_b=True) / 0.1
        pair = tf.range(6)
        loss = 0.5 * (tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(pair, logits))
                      + tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(pair, tf.transpose(logits))))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


def fixed_step(built, sample):
    photos, captions = built['photos'], built['captions']
    variables = photos.trainable_variables + captions.trainable_variables
    with tf.GradientTape() as tape:
        a = tf.nn.l2_normalize(photos({'photo': sample['photo']}, training=True), -1)
        b = tf.nn.l2_normalize(captions({'caption': sample['caption']}, training=True), -1)
        logits = tf.matmul(a, b, transpose_b=True) / 0.1
        pair = tf.range(6)
        loss = 0.5 * (tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(pair, logits))
                      + tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(pair, tf.transpose(logits))))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


EXPECT = {
    'source': 'own',
    'title': 'tape.reset() in the middle of the forward pass',
    'source_kind': 'own',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'photo_', 'layer': None, 'op': None, 'line': 'tape.reset()'},
    'why': 'reset() throws away what the tape has recorded, so the photo tower is a constant for the gradient.',
    'fix': 'Do not reset the tape inside of the forward pass.',
    'also': [{'input': None, 'variable': 'photo_', 'layer': None, 'op': None, 'line': "a = tf.nn.l2_normalize(photos({'photo': sample['photo']}, training=True), -1)"}],
    'symptom': [('grad', 'photo_conv/kernel', 'none'), ('grad', 'photo_head/kernel', 'none')],
}
