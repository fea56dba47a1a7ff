"""VQ-VAE: the codebook loss is taken on the straight-through output, in which the codebook stands only behind stop_gradient."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='vq_codebook_loss_on_straight_through')
class VectorQuantizer(keras.layers.Layer):
    def __init__(self, codes=12, dim=4, **kw):
        super().__init__(**kw)
        self.codes, self.dim = codes, dim

    def build(self, shape):
        self.codebook = self.add_weight(shape=(self.codes, self.dim), initializer='random_normal', name='codebook')

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes, 'dim': self.dim}

    def call(self, z):
        table = tf.convert_to_tensor(self.codebook)
        distance = tf.reduce_sum(tf.square(z[..., None, :] - table), -1)
        nearest = tf.gather(table, tf.argmin(distance, -1))
        return nearest, z + tf.stop_gradient(nearest - z)


def build():
    keras.utils.set_random_seed(2)
    x = keras.Input((16, 1), name='series')
    h = keras.layers.Conv1D(8, 4, 2, 'same', activation='relu', name='enc_conv')(x)
    encoder = keras.Model(x, keras.layers.Conv1D(4, 3, 1, 'same', name='enc_out')(h), name='encoder')
    z = keras.Input((8, 4), name='latent')
    quantizer = keras.Model(z, list(VectorQuantizer(name='vq')(z)), name='quantizer')
    q = keras.Input((8, 4), name='codes')
    h = keras.layers.Conv1DTranspose(8, 4, 2, 'same', activation='relu', name='dec_conv')(q)
    decoder = keras.Model(q, keras.layers.Conv1D(1, 3, 1, 'same', name='dec_out')(h), name='decoder')
    return {'encoder': encoder, 'quantizer': quantizer, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(2)
    return {'series': np.cumsum(r.normal(size=(8, 16, 1)), 1).astype('float32') * 0.3}


def models(built):
    return [built['encoder'], built['quantizer'], built['decoder']]


def mse(a, b):
    return tf.reduce_mean(tf.square(a - b))


def apply(built, tape, loss):
    weights = [v for m in models(built) for v in m.trainable_variables]
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))


def step(built, sample):
    x = sample['series']
    with tf.GradientTape() as tape:
        z_e = built['encoder'](x, training=True)
        _, z_q = built['quantizer'](z_e, training=True)
        recon = built['decoder'](z_q, training=True)
        codebook_loss = mse(z_q, tf.stop_gradient(z_e))
        commitment = mse(tf.stop_gradient(z_q), z_e)
        loss = mse(recon, x) + codebook_loss + 0.25 * commitment
    apply(built, tape, loss)
    return {'loss': loss, 'codebook': codebook_loss}


def fixed_step(built, sample):
    x = sample['series']
    with tf.GradientTape() as tape:
        z_e = built['encoder'](x, training=True)
        nearest, z_q = built['quantizer'](z_e, training=True)
        recon = built['decoder'](z_q, training=True)
        codebook_loss = mse(nearest, tf.stop_gradient(z_e))
        loss = mse(recon, x) + codebook_loss + 0.25 * mse(tf.stop_gradient(nearest), z_e)
    apply(built, tape, loss)
    return {'loss': loss, 'codebook': codebook_loss}


EXPECT = {
    'source': 'https://github.com/showlab/Olaf-World/issues/8',
    'title': 'VQLAM: codebook never receives gradients (codebook loss uses the straight-through output)',
    'source_kind': 'variant',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'codebook', 'layer': 'vq', 'op': None,
                'line': 'codebook_loss = mse(z_q, tf.stop_gradient(z_e))'},
    'why': 'z_q = z + stop_gradient(nearest - z): the codebook is constant for every term of the loss and stays at its initial values.',
    'fix': 'Take the codebook loss on the looked-up vectors themselves.',
    'symptom': [('none', 'codebook'), ('unmoved', 'codebook')],
    'also': [
        {'variable': 'codebook', 'line': 'return nearest, z + tf.stop_gradient(nearest - z)'},
        {'variable': 'codebook', 'line': "_, z_q = built['quantizer'](z_e, training=True)"},
        {'variable': 'codebook', 'layer': None, 'line': 'codebook_loss = mse(z_q, tf.stop_gradient(z_e))'},
    ],
}
