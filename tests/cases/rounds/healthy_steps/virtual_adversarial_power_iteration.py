"""Virtual adversarial training: one power iteration on the divergence from detached predictions, then a consistency loss on unlabelled rows."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((10,), name='features')
    h = keras.layers.Dense(16, activation='gelu', name='hidden')(x)
    net = keras.Model(x, keras.layers.Dense(3, name='logits')(h), name='net')
    return {'net': net, 'optimizer': keras.optimizers.AdamW(1e-3, weight_decay=1e-4)}


def sample():
    r = np.random.default_rng(0)
    return {'labelled': r.normal(size=(6, 10)).astype('float32'), 'y': r.integers(0, 3, 6).astype('int32'),
            'unlabelled': r.normal(size=(20, 10)).astype('float32')}


def models(built):
    return [built['net']]


def divergence(p_logits, q_logits):
    p = tf.nn.softmax(p_logits)
    return tf.reduce_mean(tf.reduce_sum(p * (tf.nn.log_softmax(p_logits) - tf.nn.log_softmax(q_logits)), axis=-1))


def step(built, sample):
    net = built['net']
    x = tf.constant(sample['unlabelled'])
    clean = tf.stop_gradient(net(x))
    d = tf.math.l2_normalize(tf.random.normal(x.shape), axis=-1)
    with tf.GradientTape() as inner:
        inner.watch(d)
        kl = divergence(clean, net(x + 1e-1 * d))
    d = tf.math.l2_normalize(tf.stop_gradient(inner.gradient(kl, d)), axis=-1)
    with tf.GradientTape() as tape:
        supervised = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], net(sample['labelled'], training=True)))
        smooth = divergence(clean, net(x + 1.0 * d, training=True))
        loss = supervised + smooth
    grads, _ = tf.clip_by_global_norm(tape.gradient(loss, net.trainable_variables), 1.0)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'supervised': supervised, 'smooth': smooth}
