"""Gradient accumulation over micro-batches: `total += grad` rebinds the loop's name, the list of sums stays at zero."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(8)
    x = keras.Input((12, 3), name='history')
    c = keras.Input((2,), name='calendar')
    h = keras.layers.GRU(8, name='gru')(x)
    h = keras.layers.Concatenate(name='join')([h, keras.layers.Dense(4, activation='relu', name='calendar_fc')(c)])
    model = keras.Model({'history': x, 'calendar': c}, keras.layers.Dense(2, name='forecast')(h), name='forecaster')
    return {'model': model, 'optimizer': keras.optimizers.SGD(0.05), 'micro': 4}


def sample():
    r = np.random.default_rng(8)
    return {'history': r.normal(size=(16, 12, 3)).astype('float32'), 'calendar': r.random((16, 2)).astype('float32'),
            'demand': r.normal(size=(16, 2)).astype('float32')}


def models(built):
    return [built['model']]


huber = keras.losses.Huber()


def micro_batches(built, sample):
    size = len(sample['demand']) // built['micro']
    for i in range(built['micro']):
        yield {k: v[i * size:(i + 1) * size] for k, v in sample.items()}


def micro_gradients(model, batch):
    with tf.GradientTape() as tape:
        pred = model({'history': batch['history'], 'calendar': batch['calendar']}, training=True)
        loss = huber(batch['demand'], pred)
    return loss, tape.gradient(loss, model.trainable_variables)


def step(built, sample):
    weights = built['model'].trainable_variables
    totals = [tf.zeros(v.shape) for v in weights]
    losses = []
    for batch in micro_batches(built, sample):
        loss, grads = micro_gradients(built['model'], batch)
        losses.append(loss)
        for total, grad in zip(totals, grads):
            total += grad / built['micro']
    built['optimizer'].apply_gradients(zip(totals, weights))
    return tf.reduce_mean(losses)


def fixed_step(built, sample):
    weights = built['model'].trainable_variables
    totals = [tf.zeros(v.shape) for v in weights]
    losses = []
    for batch in micro_batches(built, sample):
        loss, grads = micro_gradients(built['model'], batch)
        losses.append(loss)
        totals = [t + g / built['micro'] for t, g in zip(totals, grads)]
    built['optimizer'].apply_gradients(zip(totals, weights))
    return tf.reduce_mean(losses)


EXPECT = {
    'source': 'own',
    'title': 'Gradient accumulation that applies zeros',
    'source_kind': 'own',
    'category': 'other',
    'culprit': {'input': None, 'variable': 'gru', 'layer': None, 'op': None, 'line': "total += grad / built['micro']"},
    'why': 'Tensors are immutable: += makes a new tensor under the name of the loop. The optimizer is given the zeros of the start.',
    'fix': 'Build a new list of sums, or accumulate in tf.Variable with assign_add.',
    'symptom': [('unmoved', 'kernel'), ('unmoved', 'forecast')],
    'also': [
        {'variable': None, 'line': "total += grad / built['micro']"},
        {'variable': None, 'line': 'for total, grad in zip(totals, grads):'},
        {'variable': None, 'line': 'totals = [tf.zeros(v.shape) for v in weights]'},
        {'variable': None, 'line': "built['optimizer'].apply_gradients(zip(totals, weights))"},
        {'variable': None, 'line': 'loss, grads = micro_gradients(built'},
        {'variable': None, 'line': 'return loss, tape.gradient(loss, model.trainable_variables)'},
    ],
}
