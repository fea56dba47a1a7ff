"""DeepSDF auto-decoder: after the first inner iteration the code is a plain tensor instead of the variable, and the second one gets None."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(12)
    code, xyz = keras.Input((6,), name='code'), keras.Input((3,), name='xyz')
    h = keras.layers.Dense(20, activation='tanh', name='sdf_a')(keras.layers.Concatenate(name='query')([code, xyz]))
    h = keras.layers.Dense(20, activation='tanh', name='sdf_b')(h)
    decoder = keras.Model({'code': code, 'xyz': xyz}, keras.layers.Dense(1, name='sdf')(h), name='decoder')
    codes = tf.Variable(tf.random.stateless_normal((4, 6), seed=(3, 4), stddev=0.1), name='codes')
    return {'decoder': decoder, 'codes': codes, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(12)
    xyz = r.uniform(-1, 1, (4, 30, 3))
    radius = r.uniform(0.3, 0.8, (4, 1, 1))
    return {'xyz': xyz.astype('float32'), 'distance': (np.linalg.norm(xyz, axis=-1, keepdims=True) - radius).astype('float32')}


def models(built):
    return [built['decoder']]


def error(built, sample, codes):
    repeated = tf.repeat(codes, 30, axis=0)
    guess = built['decoder']({'code': repeated, 'xyz': tf.reshape(sample['xyz'], (-1, 3))}, training=True)
    return tf.reduce_mean(tf.abs(tf.reshape(guess, (4, 30, 1)) - sample['distance'])) + 1e-3 * tf.reduce_mean(tf.square(codes))


def step(built, sample):
    decoder, codes = built['decoder'], built['codes']
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = error(built, sample, codes)
        slope = tape.gradient(loss, codes)
        codes = codes - 0.05 * slope
    built['codes'].assign(codes)
    with tf.GradientTape() as tape:
        loss = error(built, sample, codes)
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, decoder.trainable_variables), decoder.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    decoder, codes = built['decoder'], built['codes']
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = error(built, sample, codes)
        codes.assign_sub(0.05 * tape.gradient(loss, codes))
    with tf.GradientTape() as tape:
        loss = error(built, sample, codes)
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, decoder.trainable_variables), decoder.trainable_variables))
    return {'loss': loss}


EXPECT = {
    'source': 'https://www.tensorflow.org/guide/autodiff', 'title': 'Guide, "Replaced a variable with a tensor": x = x + 1 instead of assign_add, the second gradient is None', 'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'codes', 'layer': None, 'op': None, 'line': 'codes = codes - 0.05 * slope'},
    'why': 'Tensors are not watched by a tape of their own accord: the second gradient is None.',
    'fix': 'codes.assign_sub(...), or watch the tensor.',
}
EXPECT['also'] = [{'line': 'slope = tape.gradient(loss, codes)'}, {'variable': None}, {'variable': None, 'line': 'slope = tape.gradient(loss, codes)'}]
