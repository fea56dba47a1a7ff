"""A decoder in a graph loop writes its steps to a TensorArray and drops what write returns, so it scores zeros."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((7, 3)), keras.layers.GRU(6, name='encoder_gru')], name='encoder')
    state, previous = keras.Input((6,)), keras.Input((2,))
    h = keras.layers.Dense(6, 'tanh', name='cell')(keras.layers.Concatenate()([state, previous]))
    cell = keras.Model([state, previous], [h, keras.layers.Dense(2, name='emit')(h)], name='decoder')
    return {'encoder': encoder, 'decoder': cell, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'history': r.normal(size=(4, 7, 3)).astype('float32'), 'y': r.normal(size=(4, 5, 2)).astype('float32')}


def models(built):
    return [built['encoder'], built['decoder']]


def step(built, sample):
    encoder, decoder = built['encoder'], built['decoder']
    variables = encoder.trainable_variables + decoder.trainable_variables

    @tf.function
    def forecast(history):
        state, value = encoder(history, training=True), tf.zeros((4, 2))
        steps = tf.TensorArray(tf.float32, size=5, element_shape=(4, 2))
        for t in tf.range(5):
            state, value = decoder([state, value], training=True)
            steps.write(t, value)
        return tf.transpose(steps.stack(), (1, 0, 2))

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(forecast(tf.convert_to_tensor(sample['history'])) - sample['y']))
        loss += 1e-3 * tf.add_n([tf.nn.l2_loss(v) for v in variables if 'emit/kernel' in v.path])
    gradients = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(gradients, variables))
    return {'loss': loss}


def fixed_step(built, sample):
    encoder, decoder = built['encoder'], built['decoder']
    weights = encoder.trainable_variables + decoder.trainable_variables

    @tf.function
    def unroll(history):
        memory, out = encoder(history, training=True), tf.zeros((4, 2))
        kept = tf.TensorArray(tf.float32, size=5, element_shape=(4, 2))
        for t in tf.range(5):
            memory, out = decoder([memory, out], training=True)
            kept = kept.write(t, out)
        return tf.transpose(kept.stack(), (1, 0, 2))

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(unroll(tf.convert_to_tensor(sample['history'])) - sample['y']))
        loss += 1e-3 * tf.add_n([tf.nn.l2_loss(v) for v in weights if 'emit/kernel' in v.path])
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/3663',
    'title': 'Error when using TensorArray and variables in nested loops (attention_tracker.write(time_var, c) without keeping the result)',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'encoder_gru', 'layer': None, 'op': None, 'line': 'steps.write(t, value)'},
    'why': 'In a graph write returns a new array; the old one stays empty, its stack is zeros, and the loss does not depend on the networks.',
    'fix': 'steps = steps.write(t, value).',
}
EXPECT['also'] = [
    {'variable': 'cell', 'line': 'steps.write(t, value)'}, {'variable': None, 'input': 'history', 'line': 'steps.write(t, value)'},
    {'variable': None, 'line': 'steps.write(t, value)'},
    {'variable': 'encoder_gru', 'line': 'return tf.transpose(steps.stack(), (1, 0, 2))'},
    {'variable': 'encoder_gru', 'line': "loss = tf.reduce_mean(tf.square(forecast(tf.convert_to_tensor(sample['history'])) - sample['y']))"},
    {'variable': 'encoder_gru', 'line': 'steps = tf.TensorArray(tf.float32, size=5, element_shape=(4, 2))'},
]
