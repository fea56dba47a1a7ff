"""SimSiam on ECG strips: the stop_gradient stands around the prediction instead of the projection, the predictor never learns."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((48, 2), name='ecg')
    h = keras.layers.Conv1D(8, 5, strides=2, activation='relu', name='enc_a')(x)
    h = keras.layers.Conv1D(12, 5, strides=2, activation='relu', name='enc_b')(h)
    h = keras.layers.GlobalAveragePooling1D(name='enc_pool')(h)
    encoder = keras.Model(x, keras.layers.Dense(8, name='projection')(h), name='encoder')
    z = keras.Input((8,), name='z')
    predictor = keras.Model(z, keras.layers.Dense(8, name='predict_out')(keras.layers.Dense(4, activation='relu', name='predict_hidden')(z)), name='predictor')
    return {'encoder': encoder, 'predictor': predictor, 'optimizer': keras.optimizers.SGD(0.05, momentum=0.9)}


def sample():
    r = np.random.default_rng(0)
    strip = r.normal(size=(8, 48, 2))
    return {'view_a': (strip + 0.1 * r.normal(size=strip.shape)).astype('float32'), 'view_b': (1.1 * strip).astype('float32')}


def models(built):
    return [built['encoder'], built['predictor']]


def distance(p, z):
    p = tf.math.l2_normalize(tf.stop_gradient(p), axis=1)
    z = tf.math.l2_normalize(z, axis=1)
    return -tf.reduce_mean(tf.reduce_sum(p * z, axis=1))


def fixed_distance(p, z):
    p = tf.math.l2_normalize(p, axis=1)
    z = tf.math.l2_normalize(tf.stop_gradient(z), axis=1)
    return -tf.reduce_mean(tf.reduce_sum(p * z, axis=1))


def update(built, sample, similarity):
    encoder, predictor = built['encoder'], built['predictor']
    with tf.GradientTape() as tape:
        za, zb = encoder(sample['view_a'], training=True), encoder(sample['view_b'], training=True)
        pa, pb = predictor(za, training=True), predictor(zb, training=True)
        loss = (similarity(pa, zb) + similarity(pb, za)) / 2
    weights = encoder.trainable_variables + predictor.trainable_variables
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


def step(built, sample):
    return update(built, sample, distance)


def fixed_step(built, sample):
    return update(built, sample, fixed_distance)


EXPECT = {
    'source': 'own', 'title': 'SimSiam with the stop gradient on the wrong side', 'source_kind': 'own',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'predict_hidden/kernel', 'layer': 'predictor', 'op': 'StopGradient', 'line': 'p = tf.math.l2_normalize(tf.stop_gradient(p), axis=1)'},
    'why': 'The prediction is detached, so the predictor gets no gradient and the projection is pulled to a random target.',
    'fix': 'Detach z, not p.',
}
EXPECT['also'] = [{'variable': 'predict_out'}, {'layer': None}, {'layer': 'predict_out'}, {'op': None}, {'line': 'return update(built, sample, distance)', 'op': None},
                  {'line': 'loss = (similarity(pa, zb) + similarity(pb, za)) / 2', 'op': None}, {'variable': 'predictor'}, {'layer': None, 'variable': 'predict_out'},
                  {'line': 'built[\'optimizer\'].apply_gradients(zip(tape.gradient(loss, weights), weights))', 'op': None, 'layer': None}]
