"""Word vectors with noise-contrastive estimation: two tables and a bias, sparse gradients for the sampled rows."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(4)
    centre = keras.Sequential([keras.Input((), dtype='int32'), keras.layers.Embedding(20, 6, name='centre')], name='centres')
    context = keras.Sequential([keras.Input((6,)), keras.layers.Dense(20, name='context')], name='contexts')
    return {'centre': centre, 'context': context, 'optimizer': keras.optimizers.Adagrad(0.5)}


def sample():
    r = np.random.default_rng(0)
    return {'word': r.integers(0, 20, 16).astype('int32'), 'neighbour': r.integers(0, 20, (16, 1))}


def models(built):
    return [built['centre'], built['context']]


def step(built, sample):
    layer = built['context'].get_layer('context')
    weights = built['centre'].trainable_variables + [layer.kernel, layer.bias]
    with tf.GradientTape() as tape:
        vectors = built['centre'](sample['word'], training=True)
        table = tf.transpose(tf.convert_to_tensor(layer.kernel))
        each = tf.nn.nce_loss(weights=table, biases=tf.convert_to_tensor(layer.bias), labels=sample['neighbour'], inputs=vectors, num_sampled=5, num_classes=20)
        loss = tf.reduce_mean(each)
    gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)]
    gradients, norm = tf.clip_by_global_norm(gradients, 5.0)
    built['optimizer'].apply_gradients(zip(gradients, weights))
    return {'loss': loss, 'norm': norm}
