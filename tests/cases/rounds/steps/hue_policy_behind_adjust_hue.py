"""Adversarial colour augmentation: a policy network chooses the hue shift that hurts the classifier most."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(9)
    image = keras.Input((8, 8, 3), name='image')
    x = keras.layers.Conv2D(6, 3, activation='relu', name='conv')(image)
    classifier = keras.Model({'image': image}, keras.layers.Dense(3, name='species')(keras.layers.GlobalAveragePooling2D()(x)), name='classifier')
    noise = keras.Input((4,), name='noise')
    shift = keras.layers.Dense(1, activation='tanh', name='shift')(keras.layers.Dense(8, activation='relu', name='mix')(noise))
    return {'classifier': classifier, 'policy': keras.Model({'noise': noise}, shift, name='policy'),
            'opt_c': keras.optimizers.Adam(1e-3), 'opt_p': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(9)
    return {'image': r.uniform(0.1, 0.9, size=(6, 8, 8, 3)).astype('float32'), 'noise': r.normal(size=(1, 4)).astype('float32'),
            'y': r.integers(0, 3, 6).astype('int32')}


def models(built):
    return [built['classifier'], built['policy']]


def rotate_chroma(image, angle):
    to_yiq = tf.constant([[0.299, 0.596, 0.211], [0.587, -0.274, -0.523], [0.114, -0.322, 0.312]])
    y, i, q = tf.unstack(tf.tensordot(image, to_yiq, 1), axis=-1)
    c, s = tf.cos(2 * np.pi * angle), tf.sin(2 * np.pi * angle)
    return tf.tensordot(tf.stack([y, c * i - s * q, s * i + c * q], -1), tf.linalg.inv(to_yiq), 1)


def step(built, sample):
    classifier, policy = built['classifier'], built['policy']
    with tf.GradientTape(persistent=True) as tape:
        delta = 0.3 * tf.reshape(policy({'noise': sample['noise']}, training=True), [])
        recoloured = tf.image.adjust_hue(sample['image'], delta)
        logits = classifier({'image': recoloured}, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
        harm = -loss
    g_c = tape.gradient(loss, classifier.trainable_variables)
    g_p = tape.gradient(harm, policy.trainable_variables)
    built['opt_c'].apply_gradients(zip(g_c, classifier.trainable_variables))
    built['opt_p'].apply_gradients(zip(g_p, policy.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(policy.trainable_variables, g_p)}}


def fixed_step(built, sample):
    classifier, policy = built['classifier'], built['policy']
    with tf.GradientTape(persistent=True) as tape:
        delta = 0.3 * tf.reshape(policy({'noise': sample['noise']}, training=True), [])
        recoloured = rotate_chroma(sample['image'], delta)
        logits = classifier({'image': recoloured}, training=True)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits))
        harm = -loss
    g_c = tape.gradient(loss, classifier.trainable_variables)
    g_p = tape.gradient(harm, policy.trainable_variables)
    built['opt_c'].apply_gradients(zip(g_c, classifier.trainable_variables))
    built['opt_p'].apply_gradients(zip(g_p, policy.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(policy.trainable_variables, g_p)}}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/126083',
    'title': 'tf.image.adjust_hue, adjust_saturation and adjust_contrast cannot be differentiated (no registered gradients)',
    'source_kind': 'report',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'AdjustHue', 'line': "recoloured = tf.image.adjust_hue(sample['image'], delta)"},
    'why': 'AdjustHue has no registered gradient, so the gradient of the policy raises a LookupError.',
    'fix': 'Rotate the hue with differentiable operations.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'g_p = tape.gradient(harm, policy.trainable_variables)'}],
    'symptom': [('raises', 'LookupError')],
}
