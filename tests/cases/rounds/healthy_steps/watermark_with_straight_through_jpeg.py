"""Watermark trained through a real codec whose gradient is passed straight through."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(5)
    cover, bits = keras.Input((16, 16, 3), name='cover'), keras.Input((4,), name='bits')
    plane = keras.layers.Reshape((16, 16, 1))(keras.layers.Dense(256, name='spread')(bits))
    mark = keras.layers.Conv2D(3, 3, padding='same', activation='tanh', name='mark')(keras.layers.Concatenate()([cover, plane]))
    encoder = keras.Model({'cover': cover, 'bits': bits}, keras.layers.Add()([cover, keras.layers.Rescaling(0.1)(mark)]))
    seen = keras.Input((16, 16, 3), name='seen')
    x = keras.layers.Conv2D(6, 3, strides=2, activation='leaky_relu', name='read')(seen)
    return {'encoder': encoder, 'decoder': keras.Model({'seen': seen}, keras.layers.Dense(4, name='answer')(keras.layers.Flatten()(x))), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(5)
    return {'cover': r.uniform(0.2, 0.8, size=(3, 16, 16, 3)).astype('float32'), 'bits': r.integers(0, 2, (3, 4)).astype('float32')}


def models(built):
    return [built['encoder'], built['decoder']]


def codec(images):
    return tf.stack([tf.image.adjust_jpeg_quality(i, 60) for i in tf.unstack(tf.clip_by_value(images, 0.0, 1.0))])


def step(built, sample):
    variables = [v for m in models(built) for v in m.trainable_variables]
    with tf.GradientTape() as tape:
        marked = built['encoder']({'cover': sample['cover'], 'bits': sample['bits']}, training=True)
        received = marked + tf.stop_gradient(codec(marked) - marked)
        answer = built['decoder']({'seen': received}, training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['bits'], answer)) + 10.0 * tf.reduce_mean(tf.square(marked - sample['cover']))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}
