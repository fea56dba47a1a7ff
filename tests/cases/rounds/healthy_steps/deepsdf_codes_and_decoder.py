"""DeepSDF: a table of shape codes and the decoder are trained together by two optimizers."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(13)
    c, p = keras.Input((6,), name='code'), keras.Input((3,), name='point')
    x = keras.layers.Concatenate(name='query')([c, p])
    h = keras.layers.Dense(20, activation='tanh', name='d_a')(x)
    h = keras.layers.Dense(20, activation='tanh', name='d_b')(keras.layers.Concatenate(name='skip')([h, x]))
    return {'decoder': keras.Model([c, p], keras.layers.Dense(1, activation='tanh', name='d_out')(h)), 'codes': tf.Variable(tf.random.stateless_normal((5, 6), (1, 2), stddev=0.01), name='codes'),
            'opt': keras.optimizers.Adam(1e-3), 'code_opt': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(13)
    return {'shape': r.integers(0, 5, 60).astype('int32'), 'point': r.uniform(-1, 1, (60, 3)).astype('float32'), 'sdf': np.clip(r.normal(size=(60, 1)), -0.5, 0.5).astype('float32')}


def models(built):
    return [built['decoder']]


def step(built, sample):
    decoder, codes = built['decoder'], built['codes']
    with tf.GradientTape() as tape:
        picked = tf.gather(codes, sample['shape'])
        guess = decoder([picked, tf.constant(sample['point'])], training=True)
        loss = tf.reduce_mean(tf.abs(tf.clip_by_value(guess, -0.8, 0.8) - sample['sdf'])) + 1e-4 * tf.reduce_mean(tf.reduce_sum(tf.square(picked), axis=1))
    n = len(decoder.trainable_variables)
    grads = tape.gradient(loss, decoder.trainable_variables + [codes])
    built['opt'].apply_gradients(zip(grads[:n], decoder.trainable_variables))
    built['code_opt'].apply_gradients([(tf.convert_to_tensor(grads[n]), codes)])
    return {'loss': loss}
