"""Mixed precision: the optimizer is wrapped in LossScaleOptimizer, and the loop never scales the loss."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((12, 12, 1), name='image')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='relu', dtype='mixed_float16', name='conv')(x)
    h = keras.layers.Dense(16, activation='relu', dtype='mixed_float16', name='fc')(keras.layers.Flatten()(h))
    net = keras.Model(x, keras.layers.Dense(4, dtype='float32', name='logits')(h), name='classifier')
    return {'net': net, 'optimizer': keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(16, 12, 12, 1)).astype('float32'), 'y': r.integers(0, 4, 16)}


def models(built):
    return [built['net']]


loss_object = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def step(built, sample):
    model, optimizer = built['net'], built['optimizer']
    with tf.GradientTape() as tape:
        predictions = model(sample['image'], training=True)
        loss = loss_object(sample['y'], predictions)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    return loss


def fixed_step(built, sample):
    model, optimizer = built['net'], built['optimizer']
    with tf.GradientTape() as tape:
        loss = loss_object(sample['y'], model(sample['image'], training=True))
        scaled_loss = optimizer.scale_loss(loss)
    optimizer.apply_gradients(zip(tape.gradient(scaled_loss, model.trainable_variables), model.trainable_variables))
    return loss


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/19244',
    'title': 'Docs for mixed precision training and the use of LossScaleOptimizer in custom loops', 'source_kind': 'variant', 'category': 'other',
    'culprit': {'input': None, 'variable': 'conv/kernel', 'layer': None, 'op': None, 'line': 'loss = loss_object(sample[\'y\'], predictions)'},
    'why': 'The wrapper divides the gradients by 32768 that were never multiplied by it: the weights hardly move, and float16 gradients underflow.',
    'fix': 'Differentiate optimizer.scale_loss(loss).',
    'also': [{'variable': None, 'line': 'gradients = tape.gradient(loss, model.trainable_variables)'}, {'variable': None, 'line': 'optimizer.apply_gradients(zip(gradients, model.trainable_variables))'},
             {'variable': None, 'line': "loss = loss_object(sample['y'], predictions)"}, {'variable': None, 'line': 'keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))'},
             {'layer': 'classifier', 'variable': None, 'line': None}],
}
