"""Gradient accumulation over four micro-batches in non-trainable variables, inside of tf.function; one update at the end."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='gradient accumulation', why_hard='gradients are assigned to variables and read from them; three of four calls move nothing', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(7)
    x = keras.Input((15, 4), name='signal')
    h = keras.layers.SeparableConv1D(8, 3, activation='gelu', name='sep')(x)
    h = keras.layers.LayerNormalization(name='norm')(h)
    h = keras.layers.GlobalAveragePooling1D(name='pool')(h)
    model = keras.Model(x, keras.layers.Dense(6, name='activity')(h), name='har')
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    return {'model': model, 'optimizer': optimizer,
            'sums': [tf.Variable(tf.zeros(v.shape), trainable=False) for v in model.trainable_variables]}


def sample():
    r = np.random.default_rng(7)
    return {'signal': r.normal(size=(4, 4, 15, 4)).astype('float32'), 'activity': r.integers(0, 6, (4, 4)).astype('int32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model, optimizer, sums = built['model'], built['optimizer'], built['sums']
    weights = model.trainable_variables

    @tf.function
    def accumulate(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True)))
        for total, grad in zip(sums, tape.gradient(loss, weights)):
            total.assign_add(grad / 4.0)
        return loss

    @tf.function
    def apply():
        optimizer.apply_gradients([(tf.convert_to_tensor(s), v) for s, v in zip(sums, weights)])
        for total in sums:
            total.assign(tf.zeros_like(total))

    losses = [accumulate(tf.constant(sample['signal'][i]), tf.constant(sample['activity'][i])) for i in range(4)]
    apply()
    return tf.reduce_mean(losses)
