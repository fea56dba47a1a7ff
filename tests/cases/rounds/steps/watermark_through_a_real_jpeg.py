"""Watermarking: an encoder hides a message in pictures, a decoder reads it after JPEG compression."""
import numpy as np
import tensorflow as tf
import keras


BITS = 6


def build():
    keras.utils.set_random_seed(20)
    cover, message = keras.Input((16, 16, 3), name='cover'), keras.Input((BITS,), name='message')
    plane = keras.layers.Reshape((16, 16, 1))(keras.layers.Dense(256, name='spread')(message))
    x = keras.layers.Conv2D(8, 3, padding='same', activation='relu', name='blend')(keras.layers.Concatenate()([cover, plane]))
    mark = keras.layers.Rescaling(0.1)(keras.layers.Conv2D(3, 3, padding='same', activation='tanh', name='mark')(x))
    encoder = keras.Model({'cover': cover, 'message': message}, keras.layers.Add()([cover, mark]), name='encoder')
    seen = keras.Input((16, 16, 3), name='seen')
    y = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='read')(seen)
    decoder = keras.Model({'seen': seen}, keras.layers.Dense(BITS, name='bits')(keras.layers.Flatten()(y)), name='decoder')
    return {'encoder': encoder, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(20)
    return {'cover': r.uniform(0.2, 0.8, size=(3, 16, 16, 3)).astype('float32'), 'message': r.integers(0, 2, (3, BITS)).astype('float32')}


def models(built):
    return [built['encoder'], built['decoder']]


def compress(images):
    return tf.stack([tf.image.adjust_jpeg_quality(i, 70) for i in tf.unstack(images)])


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        marked = built['encoder']({'cover': sample['cover'], 'message': sample['message']}, training=True)
        received = compress(tf.clip_by_value(marked, 0.0, 1.0))
        bits = built['decoder']({'seen': received}, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['message'], bits))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


def fixed_step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        marked = built['encoder']({'cover': sample['cover'], 'message': sample['message']}, training=True)
        clipped = tf.clip_by_value(marked, 0.0, 1.0)
        received = clipped + tf.stop_gradient(compress(clipped) - clipped)
        bits = built['decoder']({'seen': received}, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['message'], bits))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


EXPECT = {
    'source': 'own',
    'title': 'A real JPEG codec between the encoder and the decoder of a watermark',
    'source_kind': 'own',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'received = compress(tf.clip_by_value(marked, 0.0, 1.0))'},
    'why': 'The codec turns the picture into bytes and back; the encoder gets no gradient from the message.',
    'fix': 'Pass the gradient straight through the codec, or use a differentiable model of it.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'tf.image.adjust_jpeg_quality(i, 70)'},
             {'input': None, 'variable': None, 'layer': None, 'op': 'EncodeJpegVariableQuality', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': 'DecodeJpeg', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': 'Cast', 'line': None}],
    'symptom': [('grad', 'mark/kernel', 'none'), ('grad', 'spread/kernel', 'none')],
}
