"""Adversarial training of a keyword spotter: the gradient is asked with respect to the 16-bit integer waveform."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(11)
    x = keras.Input((128,), name='waveform')
    h = keras.layers.Reshape((128, 1), name='mono')(x)
    h = keras.layers.Conv1D(8, 16, strides=8, activation='relu', name='frames')(h)
    h = keras.layers.Conv1D(12, 3, activation='relu', name='context')(h)
    model = keras.Model(x, keras.layers.Dense(4, name='keyword')(keras.layers.GlobalAveragePooling1D(name='pool')(h)))
    return {'model': model, 'optimizer': keras.optimizers.Adam(1e-3), 'loss': keras.losses.SparseCategoricalCrossentropy(from_logits=True)}


def sample():
    r = np.random.default_rng(11)
    return {'pcm': r.integers(-20000, 20000, (8, 128)).astype('int16'), 'keyword': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    pcm = tf.constant(sample['pcm'])
    with tf.GradientTape() as attack_tape:
        attack_tape.watch(pcm)
        wave = tf.cast(pcm, tf.float32) / 32768.0
        attack_loss = built['loss'](sample['keyword'], model(wave, training=False))
    direction = tf.sign(attack_tape.gradient(attack_loss, pcm))
    wave = wave + 0.01 * tf.cast(direction, tf.float32)
    with tf.GradientTape() as tape:
        loss = built['loss'](sample['keyword'], model(wave, training=True))
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    model = built['model']
    wave = tf.cast(sample['pcm'], tf.float32) / 32768.0
    with tf.GradientTape() as attack_tape:
        attack_tape.watch(wave)
        attack_loss = built['loss'](sample['keyword'], model(wave, training=False))
    direction = tf.sign(attack_tape.gradient(attack_loss, wave))
    wave = wave + 0.01 * direction
    with tf.GradientTape() as tape:
        loss = built['loss'](sample['keyword'], model(wave, training=True))
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'own', 'title': 'FGSM on raw PCM', 'source_kind': 'own',
    'category': 'dtype_mismatch',
    'culprit': {'input': 'pcm', 'variable': None, 'layer': None, 'op': 'Cast', 'line': 'attack_tape.watch(pcm)'},
    'why': 'Integers cannot be differentiated: the gradient is None and tf.sign raises.',
    'fix': 'Watch the float waveform and ask for its gradient.',
}
EXPECT['also'] = [{'op': None}, {'line': 'direction = tf.sign(attack_tape.gradient(attack_loss, pcm))', 'op': None}, {'line': 'wave = tf.cast(pcm, tf.float32) / 32768.0'},
                  {'line': 'pcm = tf.constant(sample[\'pcm\'])', 'op': None}, {'input': None}, {'input': None, 'op': None},
                  {'input': None, 'op': None, 'line': 'direction = tf.sign(attack_tape.gradient(attack_loss, pcm))'}, {'input': None, 'line': 'wave = tf.cast(pcm, tf.float32) / 32768.0'},
                  {'line': 'wave = tf.cast(pcm, tf.float32) / 32768.0', 'op': None}]
