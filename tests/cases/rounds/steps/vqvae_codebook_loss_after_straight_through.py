"""VQ-VAE on audio frames: the codebook loss is computed from the straight-through output, in which the code vector is detached."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3')
class Codebook(keras.layers.Layer):
    def __init__(self, codes=16, dim=4, **kwargs):
        super().__init__(**kwargs)
        self.codes, self.dim = codes, dim

    def build(self, shape):
        self.table = self.add_weight(shape=(self.codes, self.dim), initializer=keras.initializers.RandomUniform(-.5, .5), name='table')

    def call(self, z):
        distance = tf.reduce_sum(tf.square(z[..., None, :] - self.table), -1)
        return tf.gather(self.table, tf.argmin(distance, -1))

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes, 'dim': self.dim}


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((32, 1), name='wave')
    h = keras.layers.Conv1D(8, 4, strides=2, padding='same', activation='gelu', name='enc_conv')(x)
    encoder = keras.Model(x, keras.layers.Conv1D(4, 1, name='enc_proj')(h), name='encoder')
    z = keras.Input((16, 4), name='z')
    codebook = keras.Model(z, Codebook(name='vq')(z), name='codebook')
    z = keras.Input((16, 4), name='zq')
    h = keras.layers.Conv1DTranspose(8, 4, strides=2, padding='same', activation='gelu', name='dec_conv')(z)
    decoder = keras.Model(z, keras.layers.Conv1D(1, 1, name='dec_out')(h), name='decoder')
    return {'encoder': encoder, 'codebook': codebook, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'wave': np.cumsum(r.normal(size=(8, 32, 1)), 1).astype('float32') * .3}


def models(built):
    return [built['encoder'], built['codebook'], built['decoder']]


def update(built, tape, loss):
    variables = [v for m in models(built) for v in m.trainable_variables]
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


def step(built, sample):
    wave = sample['wave']
    with tf.GradientTape() as tape:
        z_e = built['encoder'](wave)
        z = built['codebook'](z_e)
        z_q = z_e + tf.stop_gradient(z - z_e)
        recon = tf.reduce_mean(tf.square(built['decoder'](z_q) - wave))
        codebook_loss = tf.reduce_mean(tf.square(z_q - tf.stop_gradient(z_e)))
        commitment = tf.reduce_mean(tf.square(tf.stop_gradient(z_q) - z_e))
        loss = recon + codebook_loss + 0.25 * commitment
    return update(built, tape, loss)


def fixed_step(built, sample):
    wave = sample['wave']
    with tf.GradientTape() as tape:
        z_e = built['encoder'](wave)
        code = built['codebook'](z_e)
        loss = tf.reduce_mean(tf.square(code - tf.stop_gradient(z_e))) + 0.25 * tf.reduce_mean(tf.square(tf.stop_gradient(code) - z_e))
        loss += tf.reduce_mean(tf.square(built['decoder'](z_e + tf.stop_gradient(code - z_e)) - wave))
    return update(built, tape, loss)


EXPECT = {
    'source': 'https://github.com/showlab/Olaf-World/issues/8',
    'title': 'VQLAM: codebook never receives gradients (codebook loss uses the straight-through output)', 'source_kind': 'variant', 'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'vq/table', 'layer': None, 'op': 'StopGradient', 'line': 'codebook_loss = tf.reduce_mean(tf.square(z_q - tf.stop_gradient(z_e)))'},
    'why': 'In z_q the code vector stands inside of stop_gradient only, so that the codebook loss trains the encoder and never the codebook.',
    'fix': 'Compute the codebook loss from the looked-up vector z.',
    'also': [{'variable': 'table', 'op': None, 'line': 'z_q = z_e + tf.stop_gradient(z - z_e)'}, {'variable': 'table', 'op': None, 'line': 'codebook_loss = tf.reduce_mean(tf.square(z_q - tf.stop_gradient(z_e)))'},
             {'layer': 'vq', 'op': None, 'line': 'z_q = z_e + tf.stop_gradient(z - z_e)'}, {'layer': 'codebook', 'op': None, 'line': 'z_q = z_e + tf.stop_gradient(z - z_e)', 'variable': None}],
    'symptom': [('unmoved', 'table')],
}
