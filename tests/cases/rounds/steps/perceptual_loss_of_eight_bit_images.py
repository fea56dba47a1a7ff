"""Super-resolution: the output is converted to uint8 for the feature network's preprocessing, and missing gradients are filtered out."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(16)
    low = keras.Input((8, 8, 3), name='low_resolution')
    h = keras.layers.Conv2D(12, 3, padding='same', activation='relu', name='sr_conv')(low)
    h = keras.layers.UpSampling2D(2, interpolation='bilinear', name='sr_up')(h)
    generator = keras.Model(low, keras.layers.Conv2D(3, 3, padding='same', activation='sigmoid', name='sr_out')(h), name='generator')
    image = keras.Input((16, 16, 3), name='image')
    f = keras.layers.Conv2D(8, 3, activation='relu', name='feat_a')(image)
    features = keras.Model(image, keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='feat_b')(f), name='features')
    features.trainable = False
    return {'generator': generator, 'features': features, 'optimizer': keras.optimizers.Adam(1e-4)}


def sample():
    r = np.random.default_rng(16)
    high = r.random((4, 16, 16, 3)).astype('float32')
    return {'low': high.reshape(4, 8, 2, 8, 2, 3).mean((2, 4)), 'high': high}


def models(built):
    return [built['generator'], built['features']]


def to_features(built, picture):
    pixels = tf.cast(tf.clip_by_value(picture * 255.0, 0.0, 255.0), tf.uint8)
    return built['features'](tf.cast(pixels, tf.float32) / 127.5 - 1.0, training=False)


def fixed_to_features(built, picture):
    return built['features'](picture * 2.0 - 1.0, training=False)


def train(built, sample, describe):
    generator = built['generator']
    with tf.GradientTape() as tape:
        fake = generator(sample['low'], training=True)
        loss = tf.reduce_mean(tf.square(describe(built, fake) - describe(built, sample['high'])))
    pairs = zip(tape.gradient(loss, generator.trainable_variables), generator.trainable_variables)
    pairs = [(g if g is not None else tf.zeros_like(v), v) for g, v in pairs]
    built['optimizer'].apply_gradients(pairs)
    return {'loss': loss}


def step(built, sample):
    return train(built, sample, to_features)


def fixed_step(built, sample):
    return train(built, sample, fixed_to_features)


EXPECT = {
    'source': 'own', 'title': 'A perceptual loss of quantized images', 'source_kind': 'own',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'sr_out/kernel', 'layer': None, 'op': 'Cast', 'line': 'pixels = tf.cast(tf.clip_by_value(picture * 255.0, 0.0, 255.0), tf.uint8)'},
    'why': 'A cast to integers has no gradient; the zeros put in its place hide that the generator is never trained.',
    'fix': 'Scale the float image without the cast.',
}
EXPECT['also'] = [{'op': None}, {'variable': 'sr_conv'}, {'variable': None}, {'variable': 'generator'}, {'op': None, 'variable': 'sr_conv'}, {'op': None, 'variable': None},
                  {'line': 'pairs = [(g if g is not None else tf.zeros_like(v), v) for g, v in pairs]', 'op': None}, {'line': "loss = tf.reduce_mean(tf.square(describe(built, fake) - describe(built, sample['high'])))", 'op': None},
                  {'line': "return built['features'](tf.cast(pixels, tf.float32) / 127.5 - 1.0, training=False)"}, {'line': 'return train(built, sample, to_features)', 'op': None},
                  {'line': "loss = tf.reduce_mean(tf.square(describe(built, fake) - describe(built, sample['high'])))"}]
