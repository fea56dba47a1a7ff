"""Segmentation step: the running mean of a Keras metric is differentiated in place of the loss of the batch."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(19)
    x = keras.Input((8, 8, 3), name='image')
    d = keras.layers.Conv2D(8, 3, 2, 'same', activation='relu', name='down')(x)
    m = keras.layers.Conv2D(8, 3, 1, 'same', activation='relu', name='middle')(d)
    u = keras.layers.UpSampling2D(2, name='up')(m)
    u = keras.layers.Concatenate(name='skip')([u, x])
    model = keras.Model(x, keras.layers.Conv2D(3, 1, name='mask_logits')(u), name='unet')
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3), 'loss_tracker': keras.metrics.Mean(name='train_loss')}


def sample():
    r = np.random.default_rng(19)
    return {'image': r.random((4, 8, 8, 3)).astype('float32'), 'mask': r.integers(0, 3, (4, 8, 8)).astype('int32')}


def models(built):
    return [built['model']]


pixel_ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def step(built, sample):
    model = built['model']
    with tf.GradientTape() as tape:
        logits = model(sample['image'], training=True)
        loss = built['loss_tracker'](pixel_ce(sample['mask'], logits))
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return loss


def fixed_step(built, sample):
    model = built['model']
    with tf.GradientTape() as tape:
        logits = model(sample['image'], training=True)
        loss = pixel_ce(sample['mask'], logits)
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    built['loss_tracker'].update_state(loss)
    return built['loss_tracker'].result()


EXPECT = {
    'source': 'own',
    'title': 'A metric object used as the loss: no gradients for any variable',
    'source_kind': 'own',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'mask_logits/kernel', 'layer': None, 'op': None,
                'line': "loss = built['loss_tracker'](pixel_ce(sample['mask'], logits))"},
    'why': 'A metric adds the value to its variables and reads the mean from them; assignments are not recorded, all gradients are None.',
    'fix': 'Differentiate the loss of the batch and update the metric after that.',
    'symptom': [('none', 'kernel')],
    'also': [
        {'variable': None, 'line': "loss = built['loss_tracker'](pixel_ce(sample['mask'], logits))"},
        {'variable': None, 'line': "'loss_tracker': keras.metrics.Mean(name='train_loss')", 'severity': 'warning'},
        {'variable': None, 'op': 'ReadVariableOp', 'line': "loss = built['loss_tracker'](pixel_ce(sample['mask'], logits))"},
    ],
}
