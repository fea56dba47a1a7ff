"""Mixed precision: the loss is scaled, but the gradient is taken of the unscaled one; the optimizer divides by the scale all the same."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(5)
    kw = dict(dtype='mixed_float16')
    x = keras.Input((32, 2), name='audio')
    h = keras.layers.Conv1D(8, 5, 2, activation='relu', name='conv1', **kw)(x)
    h = keras.layers.Conv1D(8, 3, 2, activation='relu', name='conv2', **kw)(h)
    h = keras.layers.GlobalAveragePooling1D(name='pool', **kw)(h)
    model = keras.Model(x, keras.layers.Dense(5, name='keyword', dtype='float32')(h), name='spotter')
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1, momentum=0.9))
    return {'model': model, 'optimizer': optimizer}


def sample():
    r = np.random.default_rng(5)
    return {'audio': r.normal(size=(16, 32, 2)).astype('float32'), 'keyword': r.integers(0, 5, 16).astype('int32')}


def models(built):
    return [built['model']]


loss_object = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def step(built, sample):
    model, optimizer = built['model'], built['optimizer']
    optimizer.build(model.trainable_variables)
    with tf.GradientTape() as tape:
        logits = model(sample['audio'], training=True)
        loss = loss_object(sample['keyword'], logits)
        scaled_loss = optimizer.scale_loss(loss)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss, 'scaled': scaled_loss}


def fixed_step(built, sample):
    model, optimizer = built['model'], built['optimizer']
    optimizer.build(model.trainable_variables)
    with tf.GradientTape() as tape:
        logits = model(sample['audio'], training=True)
        loss = loss_object(sample['keyword'], logits)
        scaled_loss = optimizer.scale_loss(loss)
    grads = tape.gradient(scaled_loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/19479',
    'title': 'Using `LossScaleOptimizer` with TF 2.16.1',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': 'conv1/kernel', 'layer': None, 'op': None,
                'line': 'grads = tape.gradient(loss, model.trainable_variables)'},
    'why': 'LossScaleOptimizer divides the gradients by 32768; those of the unscaled loss become updates of practically zero.',
    'fix': 'Differentiate scaled_loss.',
    'symptom': [('tiny', 'kernel')],
    'also': [
        {'variable': None, 'line': 'grads = tape.gradient(loss, model.trainable_variables)'},
        {'variable': None, 'line': 'scaled_loss = optimizer.scale_loss(loss)'},
        {'variable': None, 'line': 'optimizer.apply_gradients(zip(grads, model.trainable_variables))'},
        {'variable': None, 'line': 'LossScaleOptimizer(keras.optimizers.SGD(0.1, momentum=0.9))', 'severity': 'warning'},
    ],
}
