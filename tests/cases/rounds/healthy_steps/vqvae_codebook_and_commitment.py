"""VQ-VAE done right: straight-through for the decoder, codebook loss on the codes, commitment for the encoder."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='VQ-VAE', why_hard='argmin, gather and three stop_gradients; codes that were not chosen have zero rows in the gradient',
             legit_nongradient=[])


@keras.saving.register_keras_serializable(package='vqvae_codebook_and_commitment')
class Codes(keras.layers.Layer):
    def __init__(self, number=8, **kw):
        super().__init__(**kw)
        self.number = number

    def build(self, shape):
        self.table = self.add_weight(shape=(self.number, shape[-1]), initializer='random_uniform', name='table')

    def get_config(self):
        return {**super().get_config(), 'number': self.number}

    def call(self, z):
        table = keras.ops.convert_to_tensor(self.table)
        distance = keras.ops.sum(keras.ops.square(keras.ops.expand_dims(z, -2) - table), -1)
        code = keras.ops.take(table, keras.ops.argmin(distance, -1), axis=0)
        self.add_loss(keras.ops.mean(keras.ops.square(code - keras.ops.stop_gradient(z))))
        self.add_loss(0.25 * keras.ops.mean(keras.ops.square(keras.ops.stop_gradient(code) - z)))
        return z + keras.ops.stop_gradient(code - z)


def build():
    keras.utils.set_random_seed(14)
    x = keras.Input((8, 8, 1), name='tile')
    h = keras.layers.Conv2D(6, 4, 2, 'same', activation='relu', name='enc1')(x)
    z = Codes(name='codes')(keras.layers.Conv2D(3, 1, name='enc2')(h))
    h = keras.layers.Conv2DTranspose(6, 4, 2, 'same', activation='relu', name='dec1')(z)
    return {'model': keras.Model(x, keras.layers.Conv2D(1, 3, padding='same', name='dec2')(h), name='vqvae'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    return {'tile': np.random.default_rng(14).random((6, 8, 8, 1)).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    with tf.GradientTape() as tape:
        recon = model(sample['tile'], training=True)
        loss = tf.reduce_mean(tf.square(recon - sample['tile'])) / 0.08 + sum(model.losses)
    grads = tape.gradient(loss, model.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
    return loss
