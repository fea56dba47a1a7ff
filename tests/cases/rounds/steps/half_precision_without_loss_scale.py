"""Mixed precision denoiser: a LossScaleOptimizer is built, but the small loss is differentiated without scale_loss and underflows."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(7)
    noisy, level = keras.Input((32, 4), name='noisy'), keras.Input((1, 4), name='noise_level')
    h = keras.layers.Conv1D(8, 3, padding='same', activation='swish', dtype='mixed_float16', name='conv_a')(noisy)
    h = keras.layers.Add(dtype='mixed_float16', name='condition')([h, keras.layers.Dense(8, dtype='mixed_float16', name='level')(level)])
    h = keras.layers.Conv1D(8, 3, padding='same', activation='swish', dtype='mixed_float16', name='conv_b')(h)
    out = keras.layers.Conv1D(4, 1, dtype='mixed_float16', name='noise_estimate')(h)
    model = keras.Model({'noisy': noisy, 'noise_level': level}, keras.layers.Activation('linear', dtype='float32', name='estimate')(out))
    return {'model': model, 'optimizer': keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-3))}


def sample():
    r = np.random.default_rng(7)
    return {'noisy': r.normal(size=(8, 32, 4)).astype('float32'), 'noise_level': r.random((8, 1, 4)).astype('float32'), 'weight': np.full((8, 1, 1), 1e-6, 'float32'),
            'y': r.normal(size=(8, 32, 4)).astype('float32')}


def models(built):
    return [built['model']]


def error(built, sample):
    estimate = built['model']({'noisy': sample['noisy'], 'noise_level': sample['noise_level']}, training=True)
    return tf.reduce_mean(sample['weight'] * tf.square(estimate - sample['y']))


def step(built, sample):
    model, optimizer = built['model'], built['optimizer']
    optimizer.build(model.trainable_variables)
    with tf.GradientTape() as tape:
        loss = error(built, sample)
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    model, optimizer = built['model'], built['optimizer']
    optimizer.build(model.trainable_variables)
    with tf.GradientTape() as tape:
        loss = error(built, sample)
        scaled = optimizer.scale_loss(loss)
    grads = tape.gradient(scaled, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/19479', 'title': 'LossScaleOptimizer in a custom training loop: the loss has to be scaled by scale_loss', 'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'conv_a/kernel', 'layer': None, 'op': None, 'line': 'grads = tape.gradient(loss, model.trainable_variables)'},
    'why': 'The gradients of about 1e-9 are zero in float16 (and what arrives is divided by the scale once more).',
    'fix': 'Differentiate optimizer.scale_loss(loss).',
}
EXPECT['also'] = [{'line': 'loss = error(built, sample)'}, {'op': 'Cast'}, {'variable': None}, {'variable': 'conv_b'}, {'variable': 'noise_estimate'}, {'variable': 'level'}, {'layer': 'estimate', 'op': 'Cast'},
                  {'line': 'optimizer.apply_gradients(zip(grads, model.trainable_variables))'}, {'line': "keras.layers.Activation('linear', dtype='float32', name='estimate')(out)", 'op': 'Cast', 'layer': 'estimate'},
                  {'line': 'return tf.reduce_mean(sample[\'weight\'] * tf.square(estimate - sample[\'y\']))'}, {'layer': 'noise_estimate'},
                  {'line': "estimate = built['model']({'noisy': sample['noisy'], 'noise_level': sample['noise_level']}, training=True)"},
                  {'line': "estimate = built['model']({'noisy': sample['noisy'], 'noise_level': sample['noise_level']}, training=True)", 'op': 'Cast'}]
