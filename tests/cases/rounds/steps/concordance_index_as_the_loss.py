"""Survival analysis: the step minimizes one minus the concordance index, which counts comparisons of risks."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(8)
    genes, age = keras.Input((20,), name='expression'), keras.Input((1,), name='age')
    h = keras.layers.Dense(12, activation='selu', kernel_initializer='lecun_normal', name='pathway')(genes)
    model = keras.Model({'expression': genes, 'age': age}, keras.layers.Dense(1, use_bias=False, name='risk')(keras.layers.Concatenate(name='patient')([h, age])))
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(8)
    return {'expression': r.normal(size=(16, 20)).astype('float32'), 'age': r.normal(size=(16, 1)).astype('float32'), 'time': r.exponential(5, 16).astype('float32'),
            'event': (r.random(16) < 0.6).astype('float32')}


def models(built):
    return [built['model']]


def risks(built, sample):
    return built['model']({'expression': sample['expression'], 'age': sample['age']}, training=True)[:, 0]


def comparable(sample):
    return sample['event'][:, None] * (sample['time'][:, None] < sample['time'][None, :]).astype('float32')


def step(built, sample):
    weights = built['model'].trainable_variables
    pairs = comparable(sample)
    with tf.GradientTape() as tape:
        risk = risks(built, sample)
        ordered = tf.cast(risk[:, None] > risk[None, :], tf.float32)
        loss = 1.0 - tf.reduce_sum(pairs * ordered) / tf.reduce_sum(pairs)
    grads = tape.gradient(loss, weights)
    built['optimizer'].apply_gradients(zip(grads, weights))
    return {'loss': loss}


def fixed_step(built, sample):
    weights = built['model'].trainable_variables
    pairs = comparable(sample)
    with tf.GradientTape() as tape:
        risk = risks(built, sample)
        ordered = tf.sigmoid(4.0 * (risk[:, None] - risk[None, :]))
        loss = 1.0 - tf.reduce_sum(pairs * ordered) / tf.reduce_sum(pairs)
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'own', 'title': 'A rank statistic as the loss', 'source_kind': 'own',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'pathway/kernel', 'layer': None, 'op': 'Greater', 'line': 'ordered = tf.cast(risk[:, None] > risk[None, :], tf.float32)'},
    'why': 'A comparison has no gradient: no variable gets one and the optimizer raises.',
    'fix': 'Replace the comparison by a sigmoid of the difference (or use the partial likelihood).',
}
EXPECT['also'] = [{'op': 'Cast'}, {'op': None}, {'variable': None}, {'variable': 'risk'}, {'variable': None, 'op': 'Cast'}, {'variable': None, 'op': None}, {'variable': 'risk', 'op': 'Cast'},
                  {'line': 'loss = 1.0 - tf.reduce_sum(pairs * ordered) / tf.reduce_sum(pairs)', 'op': None}, {'layer': 'risk'}]
