"""Gradient accumulation: one tape per micro batch, the losses are added up after the blocks and the last tape is asked for the sum."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(6)
    x = keras.Input((10,), dtype='int32', name='tokens')
    h = keras.layers.Embedding(40, 8, name='embedding')(x)
    h = keras.layers.GRU(10, name='reader')(h)
    model = keras.Model(x, keras.layers.Dense(3, name='sentiment')(h))
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3), 'loss': keras.losses.SparseCategoricalCrossentropy(from_logits=True)}


def sample():
    r = np.random.default_rng(6)
    return {'tokens': r.integers(1, 40, (12, 10)).astype('int32'), 'y': r.integers(0, 3, 12).astype('int32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model, total = built['model'], 0.0
    for part in range(3):
        rows = slice(4 * part, 4 * part + 4)
        with tf.GradientTape() as tape:
            loss = built['loss'](sample['y'][rows], model(sample['tokens'][rows], training=True))
        total += loss / 3
    grads = tape.gradient(total, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': total}


def fixed_step(built, sample):
    model, total = built['model'], 0.0
    sums = [tf.zeros_like(v) for v in model.trainable_variables]
    for part in range(3):
        rows = slice(4 * part, 4 * part + 4)
        with tf.GradientTape() as tape:
            loss = built['loss'](sample['y'][rows], model(sample['tokens'][rows], training=True)) / 3
        sums = [s + g for s, g in zip(sums, tape.gradient(loss, model.trainable_variables))]
        total += loss
    built['optimizer'].apply_gradients(zip(sums, model.trainable_variables))
    return {'loss': total}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/55478', 'title': 'Gradient accumulation by summing the loss over batches does not train: the tape has not recorded the earlier batches', 'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'reader/gru_cell/kernel', 'layer': None, 'op': None, 'line': 'total += loss / 3'},
    'why': 'The sum is made outside of every tape, so the last tape does not know it.',
    'fix': 'Ask each tape for the gradients of its own loss and add those up.',
}
EXPECT['also'] = [{'variable': None}, {'line': 'grads = tape.gradient(total, model.trainable_variables)'}, {'line': 'grads = tape.gradient(total, model.trainable_variables)', 'variable': None},
                  {'variable': 'reader'}, {'variable': 'embedding'}, {'variable': 'sentiment'}, {'line': 'with tf.GradientTape() as tape:'}]
