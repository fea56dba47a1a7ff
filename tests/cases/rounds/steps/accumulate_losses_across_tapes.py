"""Accumulation over two domains: the losses are summed over micro-batches, each of which has its own tape; only the last tape is asked."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name='features')
    trunk = keras.Model(x, keras.layers.Dense(16, activation='gelu', name='trunk_dense')(x), name='trunk')
    heads = []
    for name in ('news', 'reviews'):
        h = keras.Input((16,), name=f'{name}_h')
        heads.append(keras.Model(h, keras.layers.Dense(3, name=f'{name}_head')(h), name=name))
    return {'trunk': trunk, 'heads': heads, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(2, 12, 6)).astype('float32'), 'y': r.integers(0, 3, (2, 12))}


def models(built):
    return [built['trunk'], *built['heads']]


loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def step(built, sample):
    trunk, heads = built['trunk'], built['heads']
    variables = [v for m in models(built) for v in m.trainable_variables]
    total_loss, n = 0.0, len(heads)
    for i, head in enumerate(heads):
        with tf.GradientTape() as tape:
            loss = loss_fn(sample['y'][i], head(trunk(sample['x'][i], training=True)))
            total_loss += loss / n
    gradients = tape.gradient(total_loss, variables)
    built['optimizer'].apply_gradients(zip(gradients, variables))
    return total_loss


def fixed_step(built, sample):
    trunk, heads = built['trunk'], built['heads']
    variables = [v for m in models(built) for v in m.trainable_variables]
    total, sums = 0.0, [tf.zeros_like(v) for v in variables]
    for i, head in enumerate(heads):
        with tf.GradientTape() as tape:
            loss = loss_fn(sample['y'][i], head(trunk(sample['x'][i], training=True))) / len(heads)
        sums, total = [a if g is None else a + g for a, g in zip(sums, tape.gradient(loss, variables))], total + loss
    built['optimizer'].apply_gradients(zip(sums, variables))
    return total


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/55478',
    'title': 'How can we use gradients accumulation in tf.keras by defining the custom training step?', 'source_kind': 'variant', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'news_head/kernel', 'layer': None, 'op': None, 'line': 'gradients = tape.gradient(total_loss, variables)'},
    'why': 'Each tape knows its own micro-batch only; to the last one the earlier losses are constants, so the first head gets no gradient.',
    'fix': 'Ask every tape and sum the gradients, or open one tape around the loop.',
    'also': [{'variable': 'news_head', 'line': 'total_loss += loss / n'}, {'variable': 'news_head', 'line': 'with tf.GradientTape() as tape:'},
             {'variable': 'news_head', 'line': "loss = loss_fn(sample['y'][i], head(trunk(sample['x'][i], training=True)))"},
             {'variable': 'news_head', 'line': "built['optimizer'].apply_gradients(zip(gradients, variables))"}, {'layer': 'news', 'line': 'gradients = tape.gradient(total_loss, variables)'}],
    'symptom': [('unmoved', 'news_head')],
}
