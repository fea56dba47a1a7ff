"""Poisson likelihood of event counts, summed over the mini-batches of a dataset with reduce."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(11)
    past, weekday = keras.Input((7, 2), name='past'), keras.Input((1,), dtype='int32', name='weekday')
    x = keras.layers.LSTM(6, name='memory')(past)
    day = keras.layers.Flatten()(keras.layers.Embedding(7, 3, name='weekday_table')(weekday))
    rate = keras.layers.Dense(1, activation='softplus', name='rate')(keras.layers.Concatenate()([x, day]))
    return {'net': keras.Model({'past': past, 'weekday': weekday}, rate, name='counts'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(11)
    return {'past': r.normal(size=(12, 7, 2)).astype('float32'), 'weekday': r.integers(0, 7, (12, 1)).astype('int32'),
            'y': r.poisson(2, (12, 1)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    batches = tf.data.Dataset.from_tensor_slices(dict(sample)).batch(4)

    def add(total, batch):
        rate = net({'past': batch['past'], 'weekday': batch['weekday']}, training=True)
        return total + tf.reduce_sum(rate - batch['y'] * tf.math.log(rate))

    with tf.GradientTape() as tape:
        loss = batches.reduce(tf.constant(0.0), add) / 12.0
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


def fixed_step(built, sample):
    net = built['net']
    batches = tf.data.Dataset.from_tensor_slices(dict(sample)).batch(4)

    def add(total, batch):
        rate = net({'past': batch['past'], 'weekday': batch['weekday']}, training=True)
        return total + tf.reduce_sum(rate - batch['y'] * tf.math.log(rate))

    with tf.GradientTape() as tape:
        total = tf.constant(0.0)
        for batch in batches:
            total = add(total, batch)
        loss = total / 12.0
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/36306',
    'title': 'Gradients do not propagate when iterating over dataset in graph mode',
    'source_kind': 'report',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'ReduceDataset', 'line': 'loss = batches.reduce(tf.constant(0.0), add) / 12.0'},
    'why': 'Dataset.reduce runs its function outside of the tape: ReduceDataset has no gradient, and apply_gradients raises.',
    'fix': 'Loop over the batches inside the tape.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'batches.reduce(tf.constant(0.0), add)'}],
    'symptom': [('raises', 'ValueError')],
}
