"""SimSiam: stop_gradient stands on the predictor's output instead of on the target projection; the predictor never learns."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(14)
    x = keras.Input((10, 10, 3), name='view')
    h = keras.layers.Conv2D(8, 3, 2, name='enc_conv', use_bias=False)(x)
    h = keras.layers.BatchNormalization(name='enc_bn')(h)
    h = keras.layers.ReLU(name='enc_relu')(h)
    h = keras.layers.GlobalAveragePooling2D(name='enc_pool')(h)
    encoder = keras.Model(x, keras.layers.Dense(12, name='enc_project')(h), name='encoder')
    z = keras.Input((12,), name='projection')
    h = keras.layers.Dense(6, activation='relu', name='pred_bottleneck')(z)
    predictor = keras.Model(z, keras.layers.Dense(12, name='pred_out')(h), name='predictor')
    return {'encoder': encoder, 'predictor': predictor, 'optimizer': keras.optimizers.SGD(0.05, momentum=0.9)}


def sample():
    r = np.random.default_rng(14)
    image = r.random((16, 10, 10, 3))
    return {'view_1': (image + 0.1 * r.normal(size=image.shape)).astype('float32'),
            'view_2': (image[:, :, ::-1] * r.uniform(0.6, 1.2, (16, 1, 1, 3))).astype('float32')}


def models(built):
    return [built['encoder'], built['predictor']]


def negative_cosine(p, z):
    p = tf.stop_gradient(p)
    p = tf.math.l2_normalize(p, axis=1)
    z = tf.math.l2_normalize(z, axis=1)
    return -tf.reduce_mean(tf.reduce_sum(p * z, axis=1))


def negative_cosine_to_target(p, z):
    p = tf.math.l2_normalize(p, axis=1)
    z = tf.math.l2_normalize(tf.stop_gradient(z), axis=1)
    return -tf.reduce_mean(tf.reduce_sum(p * z, axis=1))


def update(built, sample, distance):
    encoder, predictor = built['encoder'], built['predictor']
    with tf.GradientTape() as tape:
        z1, z2 = encoder(sample['view_1'], training=True), encoder(sample['view_2'], training=True)
        p1, p2 = predictor(z1, training=True), predictor(z2, training=True)
        loss = distance(p1, z2) / 2 + distance(p2, z1) / 2
    weights = encoder.trainable_variables + predictor.trainable_variables
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return loss


def step(built, sample):
    return update(built, sample, negative_cosine)


def fixed_step(built, sample):
    return update(built, sample, negative_cosine_to_target)


EXPECT = {
    'source': 'https://github.com/PatrickHua/SimSiam/issues/39',
    'title': 'There should be a stop gradient in the simsiam model',
    'source_kind': 'variant',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'pred_out/kernel', 'layer': None, 'op': None, 'line': 'p = tf.stop_gradient(p)'},
    'why': 'The prediction is the branch that is to be trained; stopped, the predictor gets None and the encoder is trained as the target.',
    'fix': 'Stop the projection z, not the prediction p.',
    'symptom': [('none', 'pred_'), ('unmoved', 'pred_')],
    'also': [
        {'variable': 'pred_', 'op': 'StopGradient', 'line': 'p = tf.stop_gradient(p)'},
        {'variable': 'pred_', 'line': 'loss = distance(p1, z2) / 2 + distance(p2, z1) / 2'},
        {'layer': 'predictor', 'line': 'p = tf.stop_gradient(p)'},
        {'layer': 'predictor', 'variable': 'pred_', 'line': 'p = tf.stop_gradient(p)'},
    ],
}
