"""Domain-adversarial training in two turns with a reversal strength that grows with the epochs."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(21)
    signal = keras.Input((20, 2), name='signal')
    x = keras.layers.Conv1D(8, 5, activation='relu', name='conv')(signal)
    encoder = keras.Model({'signal': signal}, keras.layers.Dense(6, activation='tanh', name='code')(keras.layers.GlobalAveragePooling1D()(x)), name='encoder')
    code = keras.Input((6,), name='code_in')
    activity = keras.Model({'code_in': code}, keras.layers.Dense(3, name='activity_out')(code), name='activity')
    device = keras.Model({'code_in': code}, keras.layers.Dense(1, name='device_out')(keras.layers.Dense(6, activation='relu', name='device_in')(code)), name='device')
    return {'encoder': encoder, 'activity': activity, 'device': device, 'opt': keras.optimizers.Adam(1e-3), 'opt_d': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(21)
    return {'signal': r.normal(size=(10, 20, 2)).astype('float32'), 'y': r.integers(0, 3, 10).astype('int32'),
            'device': r.integers(0, 2, (10, 1)).astype('float32'), 'epoch': 12, 'epochs': 50}


def models(built):
    return [built['encoder'], built['activity'], built['device']]


def reverse(x, strength):
    @tf.custom_gradient
    def flip(t):
        return tf.identity(t), lambda upstream: -strength * upstream
    return flip(x)


def step(built, sample):
    encoder, activity, device = models(built)
    first, second = encoder.trainable_variables + activity.trainable_variables, encoder.trainable_variables + device.trainable_variables
    with tf.GradientTape() as tape:
        logits = activity({'code_in': encoder({'signal': sample['signal']}, training=True)}, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
    built['opt'].apply_gradients(zip(tape.gradient(loss, first), first))
    progress = sample['epoch'] // sample['epochs']
    strength = 2.0 / (1.0 + np.exp(-10.0 * progress)) - 1.0
    with tf.GradientTape() as tape:
        code = reverse(encoder({'signal': sample['signal']}, training=True), strength)
        guess = device({'code_in': code}, training=True)
        confusion = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['device'], guess))
    grads = tape.gradient(confusion, second)
    built['opt_d'].apply_gradients(zip(grads, second))
    return {'loss': loss + confusion, 'grads': {v.path: g for v, g in zip(second, grads)}}


def fixed_step(built, sample):
    encoder, activity, device = models(built)
    first, second = encoder.trainable_variables + activity.trainable_variables, encoder.trainable_variables + device.trainable_variables
    with tf.GradientTape() as tape:
        logits = activity({'code_in': encoder({'signal': sample['signal']}, training=True)}, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
    built['opt'].apply_gradients(zip(tape.gradient(loss, first), first))
    progress = sample['epoch'] / sample['epochs']
    strength = 2.0 / (1.0 + np.exp(-10.0 * progress)) - 1.0
    with tf.GradientTape() as tape:
        code = reverse(encoder({'signal': sample['signal']}, training=True), strength)
        guess = device({'code_in': code}, training=True)
        confusion = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['device'], guess))
    grads = tape.gradient(confusion, second)
    built['opt_d'].apply_gradients(zip(grads, second))
    return {'loss': loss + confusion, 'grads': {v.path: g for v, g in zip(second, grads)}}


EXPECT = {
    'source': 'own',
    'title': 'Schedule of the gradient reversal computed with //',
    'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "progress = sample['epoch'] // sample['epochs']"},
    'why': 'The whole division is 0 until the last epoch, so the reversal multiplies the gradient of the encoder by 0.',
    'fix': 'Use a true division.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "code = reverse(encoder({'signal': sample['signal']}, training=True), strength)"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': '-strength * upstream'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'strength = 2.0 /'},
             {'input': None, 'variable': None, 'layer': None, 'op': 'IdentityN', 'line': None}],
    'symptom': [('grad', 'conv/kernel', 'zero'), ('grad', 'code/kernel', 'zero')],
}
