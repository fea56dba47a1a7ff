"""The tape watches only the input (for a saliency map that is logged), so the weights get nothing."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((8, 8, 1), name='image'), keras.layers.Conv2D(4, 3, activation='relu', name='conv'), keras.layers.Flatten(),
                            keras.layers.Dense(2, name='logits')], name='classifier')
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(4, 8, 8, 1)).astype('float32'), 'y': r.integers(0, 2, 4)}


def models(built):
    return [built]


def step(built, sample):
    image = tf.convert_to_tensor(sample['image'])
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(image)
        logits = built(image, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=sample['y'], logits=logits))
    saliency = tape.gradient(loss, image)
    gradients = tape.gradient(loss, built.trainable_variables)
    built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))
    return {'loss': loss, 'saliency': tf.reduce_max(tf.abs(saliency))}


def fixed_step(built, sample):
    picture = tf.convert_to_tensor(sample['image'])
    with tf.GradientTape() as tape:
        tape.watch(picture)
        scores = built(picture, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=sample['y'], logits=scores))
    heat, slopes = tape.gradient(loss, [picture, built.trainable_variables])
    built.optimizer.apply_gradients(zip(slopes, built.trainable_variables))
    return {'loss': loss, 'saliency': tf.reduce_max(tf.abs(heat))}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/38751',
    'title': '[Keras Application]May a bug under gradientTape? ("Use watch_accessed_variables=False solved it")',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None,
                'line': 'with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:'},
    'why': 'With watch_accessed_variables=False the tape follows only what is watched by hand: every gradient of a weight is None.',
    'fix': 'Leave the flag out, or watch the weights too.',
}
EXPECT['also'] = [
    {'line': 'watch_accessed_variables=False'},
    {'line': 'tape.watch(image)'},
    {'line': 'gradients = tape.gradient(loss, built.trainable_variables)'},
    {'variable': 'conv', 'line': 'watch_accessed_variables=False'}, {'variable': 'logits', 'line': 'watch_accessed_variables=False'},
]
