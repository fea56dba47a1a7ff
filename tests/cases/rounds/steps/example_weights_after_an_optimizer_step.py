"""Bilevel example weighting: the inner update goes through an optimizer, so the clean loss does not depend on the weighting network."""
import numpy as np
import tensorflow as tf
import keras


def student(name):
    x = keras.Input((6,), name='features')
    h = keras.layers.Dense(12, activation='tanh', name=f'{name}_hidden')(x)
    return keras.Model(x, keras.layers.Dense(3, name=f'{name}_logits')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    loss = keras.Input((1,), name='loss')
    h = keras.layers.Dense(8, activation='tanh', name='weigher_hidden')(loss)
    weigher = keras.Model(loss, keras.layers.Dense(1, activation='sigmoid', name='weigher_out')(h), name='weigher')
    return {'student': student('student'), 'lookahead': student('lookahead'), 'weigher': weigher,
            'inner': keras.optimizers.SGD(0.1), 'meta': keras.optimizers.Adam(1e-3), 'outer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'noisy_x': r.normal(size=(16, 6)).astype('float32'), 'noisy_y': r.integers(0, 3, 16).astype('int32'),
            'clean_x': r.normal(size=(8, 6)).astype('float32'), 'clean_y': r.integers(0, 3, 8).astype('int32')}


def models(built):
    return [built['student'], built['weigher']]


def cross_entropy(labels, logits):
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)


def train_student(built, sample):
    net = built['student']
    with tf.GradientTape() as tape:
        losses = cross_entropy(sample['noisy_y'], net(sample['noisy_x'], training=True))
        weights = tf.stop_gradient(built['weigher'](losses[:, None])[:, 0])
        loss = tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)
    grads = tape.gradient(loss, net.trainable_variables)
    built['outer'].apply_gradients(zip(grads, net.trainable_variables))
    return loss


def step(built, sample):
    net, weigher = built['lookahead'], built['weigher']
    net.set_weights(built['student'].get_weights())
    loss = train_student(built, sample)
    with tf.GradientTape() as meta_tape:
        with tf.GradientTape() as tape:
            losses = cross_entropy(sample['noisy_y'], net(sample['noisy_x'], training=True))
            inner = tf.reduce_mean(weigher(losses[:, None])[:, 0] * losses)
        grads = tape.gradient(inner, net.trainable_variables)
        built['inner'].apply_gradients(zip(grads, net.trainable_variables))
        clean = tf.reduce_mean(cross_entropy(sample['clean_y'], net(sample['clean_x'], training=True)))
    meta_grads = meta_tape.gradient(clean, weigher.trainable_variables)
    built['meta'].apply_gradients(zip(meta_grads, weigher.trainable_variables))
    return {'loss': loss, 'clean': clean}


def fixed_step(built, sample):
    net, weigher = built['lookahead'], built['weigher']
    net.set_weights(built['student'].get_weights())
    loss = train_student(built, sample)
    with tf.GradientTape() as meta_tape:
        with tf.GradientTape() as tape:
            losses = cross_entropy(sample['noisy_y'], net(sample['noisy_x'], training=True))
            inner = tf.reduce_mean(weigher(losses[:, None])[:, 0] * losses)
        grads = tape.gradient(inner, net.trainable_variables)
        moved = [v - 0.1 * g for v, g in zip(net.trainable_variables, grads)]
        logits, _ = net.stateless_call(moved, net.non_trainable_variables, sample['clean_x'])
        clean = tf.reduce_mean(cross_entropy(sample['clean_y'], logits))
    meta_grads = meta_tape.gradient(clean, weigher.trainable_variables)
    built['meta'].apply_gradients(zip(meta_grads, weigher.trainable_variables))
    return {'loss': loss, 'clean': clean}


LINE = "built['inner'].apply_gradients(zip(grads, net.trainable_variables))"
EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/55181',
    'title': 'Higher order gradients through apply_gradients are not possible',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'weigher_hidden/kernel', 'layer': 'weigher', 'op': None, 'line': LINE},
    'why': "apply_gradients assigns to the look-ahead network's variables, and an assignment is not recorded: the clean loss reads them as leaves.",
    'fix': 'Compute the moved weights as tensors and call the network with them (stateless_call).',
}
EXPECT['also'] = [
    {'variable': 'weigher', 'line': LINE},
    {'variable': 'weigher', 'line': "clean = tf.reduce_mean(cross_entropy(sample['clean_y'], net(sample['clean_x'], training=True)))"},
    {'variable': 'weigher', 'line': 'meta_grads = meta_tape.gradient(clean, weigher.trainable_variables)'},
    {'variable': 'weigher', 'op': 'AssignSubVariableOp'}, {'variable': 'weigher', 'op': 'AssignVariableOp'}, {'variable': 'weigher', 'op': 'ReadVariableOp'},
    {'layer': 'lookahead', 'line': LINE},
]
