"""VQ-VAE: the codebook is trained by the losses of its layer, which the step adds."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='vq_vae_with_layer_losses')
class VQ(keras.layers.Layer):
    def build(self, shape):
        self.book = self.add_weight(shape=(8, shape[-1]), initializer=keras.initializers.RandomNormal(stddev=0.5, seed=1), name='book')

    def call(self, z):
        q = tf.gather(self.book, tf.argmin(tf.reduce_sum(tf.square(z[:, None] - self.book), axis=-1), axis=-1))
        self.add_loss(tf.reduce_mean(tf.square(q - tf.stop_gradient(z))) + 0.25 * tf.reduce_mean(tf.square(z - tf.stop_gradient(q))))
        return z + tf.stop_gradient(q - z)


def build():
    keras.utils.set_random_seed(1)
    x = keras.Input((12,), name='frame')
    z = keras.layers.Dense(4, name='encode')(keras.layers.Dense(16, activation='swish', name='encode_hidden')(x))
    y = keras.layers.Dense(12, name='decode')(keras.layers.Dense(16, activation='swish', name='decode_hidden')(VQ(name='vq')(z)))
    return {'model': keras.Model(x, y), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    return {'frame': np.random.default_rng(1).normal(size=(16, 12)).astype('float32')}


def models(built):
    return [built['model']]


def step(built, sample):
    model = built['model']
    with tf.GradientTape() as tape:
        y = model(sample['frame'], training=True)
        loss = tf.reduce_mean(tf.square(y - sample['frame'])) + sum(model.losses)
    grads = tape.gradient(loss, model.trainable_variables)
    built['opt'].apply_gradients(zip(grads, model.trainable_variables))
    return {'loss': loss}
