"""Credit scoring with a penalty on the sensitivity of the score to the applicant features."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(14)
    income, region = keras.Input((5,), name='income'), keras.Input((3,), name='region')
    x = keras.layers.Dense(10, activation='gelu', name='profile')(keras.layers.Concatenate()([income, region]))
    return {'net': keras.Model({'income': income, 'region': region}, keras.layers.Dense(1, name='default')(x), name='credit'),
            'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(14)
    return {'income': r.normal(size=(8, 5)).astype('float32'), 'region': r.normal(size=(8, 3)).astype('float32'),
            'y': r.integers(0, 2, (8, 1)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(net.inputs)
            score = net({'income': sample['income'], 'region': sample['region']}, training=True)
        slopes = inner.gradient(score, net.inputs)
        penalty = tf.add_n([tf.reduce_mean(tf.reduce_sum(tf.square(s), -1)) for s in slopes])
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y'], score)) + 0.1 * penalty
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


def fixed_step(built, sample):
    net = built['net']
    features = {k: tf.convert_to_tensor(sample[k]) for k in ('income', 'region')}
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(features)
            score = net(features, training=True)
        slopes = inner.gradient(score, features)
        penalty = tf.add_n([tf.reduce_mean(tf.reduce_sum(tf.square(s), -1)) for s in slopes.values()])
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y'], score)) + 0.1 * penalty
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, net.trainable_variables)])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31264',
    'title': 'GradientTape() unable to compute the gradient wrt Keras model inputs',
    'source_kind': 'report',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'inner.watch(net.inputs)'},
    'why': 'model.inputs are symbolic Keras tensors, not the arrays the model is called with; a tape can neither watch nor differentiate them.',
    'fix': 'Watch the tensors that are handed to the model.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'slopes = inner.gradient(score, net.inputs)'}],
    'symptom': [('raises', 'ValueError')],
}
