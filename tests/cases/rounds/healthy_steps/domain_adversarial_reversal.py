"""DANN: a gradient reversal layer with a custom gradient, labels only for the source half, one optimizer for all three parts."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='domain adaptation', why_hard='custom gradient that negates; the label head sees only half of the rows', legit_nongradient=[])


@tf.custom_gradient
def reverse(x):
    return tf.identity(x), lambda dy: -0.3 * dy


@keras.saving.register_keras_serializable(package='domain_adversarial_reversal')
class Reversal(keras.layers.Layer):
    def call(self, x):
        return reverse(x)


def build():
    keras.utils.set_random_seed(16)
    x = keras.Input((14,), name='spectrum')
    h = keras.layers.Dense(16, activation='elu', name='features1')(x)
    features = keras.Model(x, keras.layers.Dense(8, activation='elu', name='features2')(h), name='features')
    f = keras.Input((8,), name='f')
    labels = keras.Model(f, keras.layers.Dense(3, name='class_logits')(f), name='labels')
    f = keras.Input((8,), name='f')
    h = keras.layers.Dense(8, activation='elu', name='domain_fc')(Reversal(name='reversal')(f))
    domain = keras.Model(f, keras.layers.Dense(1, name='domain_logit')(h), name='domain')
    return {'features': features, 'labels': labels, 'domain': domain, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(16)
    return {'source': r.normal(size=(10, 14)).astype('float32'), 'label': r.integers(0, 3, 10).astype('int32'),
            'target': (0.5 + 1.2 * r.normal(size=(14, 14))).astype('float32')}


def models(built):
    return [built['features'], built['labels'], built['domain']]


def step(built, sample):
    n = len(sample['source'])
    origin = np.concatenate([np.zeros((n, 1)), np.ones((len(sample['target']), 1))]).astype('float32')
    with tf.GradientTape() as tape:
        f = built['features'](np.concatenate([sample['source'], sample['target']]), training=True)
        task = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=sample['label'], logits=built['labels'](f[:n], training=True)))
        confusion = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=origin, logits=built['domain'](f, training=True)))
        loss = task + confusion
    weights = [v for m in models(built) for v in m.trainable_variables]
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'task': task, 'domain': confusion}
