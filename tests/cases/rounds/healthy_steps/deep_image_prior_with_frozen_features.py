"""Deep image prior: a generator fed with fixed noise is fitted to one image, compared in pixels and in a frozen feature net."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(1)
    prior = keras.Sequential([keras.Input((6, 6, 4)), keras.layers.Conv2D(8, 3, padding='same', activation='elu', name='p1'), keras.layers.UpSampling2D(),
                              keras.layers.Conv2D(3, 3, padding='same', activation='sigmoid', name='p2')], name='prior')
    features = keras.Sequential([keras.Input((12, 12, 3)), keras.layers.Conv2D(6, 3, activation='relu', name='f1'), keras.layers.AveragePooling2D(2),
                                 keras.layers.Conv2D(6, 3, activation='relu', name='f2')], name='features')
    features.trainable = False
    return {'prior': prior, 'features': features, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'noise': r.normal(size=(1, 6, 6, 4)).astype('float32'), 'image': r.uniform(size=(1, 12, 12, 3)).astype('float32'),
            'known': (r.uniform(size=(1, 12, 12, 1)) > 0.3).astype('float32')}


def models(built):
    return [built['prior'], built['features']]


def step(built, sample):
    weights = built['prior'].trainable_variables
    wanted = built['features'](sample['image'], training=False)
    noise = sample['noise'] + 0.03 * tf.random.normal(sample['noise'].shape, seed=1)
    with tf.GradientTape() as tape:
        out = built['prior'](noise, training=True)
        pixels = tf.reduce_sum(sample['known'] * tf.square(out - sample['image'])) / tf.reduce_sum(sample['known'])
        filled = sample['known'] * sample['image'] + (1 - sample['known']) * out
        loss = pixels + 0.1 * tf.reduce_mean(tf.square(built['features'](filled, training=False) - wanted)) + 1e-4 * tf.reduce_sum(tf.image.total_variation(out))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
