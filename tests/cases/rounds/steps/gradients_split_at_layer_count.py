"""Two optimizers: the gradients are split at the number of layers of the encoder, not of its variables."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(17)
    x = keras.Input((12, 4), name='series')
    h = keras.layers.Dense(16, activation='gelu', name='enc_in')(x)
    h = keras.layers.LayerNormalization(name='enc_norm')(h)
    encoder = keras.Model(x, keras.layers.GRU(12, name='enc_gru')(h), name='encoder')
    z = keras.Input((12,), name='code')
    head = keras.Model(z, keras.layers.Dense(3, name='horizon')(z), name='head')
    return {'encoder': encoder, 'head': head, 'slow': keras.optimizers.Adam(1e-4), 'fast': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(17)
    return {'series': r.normal(size=(8, 12, 4)).astype('float32'), 'y': r.normal(size=(8, 3)).astype('float32')}


def models(built):
    return [built['encoder'], built['head']]


class TwoSpeedTrainer:
    def __init__(self, encoder, head, slow, fast):
        self.encoder, self.head, self.slow, self.fast = encoder, head, slow, fast

    def split(self, gradients):
        cut = len(self.encoder.layers)
        return gradients[:cut], gradients[-len(self.head.trainable_variables):]

    def train_step(self, x, y):
        with tf.GradientTape() as tape:
            forecast = self.head(self.encoder(x, training=True), training=True)
            loss = tf.reduce_mean(tf.abs(forecast - y))
        gradients = tape.gradient(loss, self.encoder.trainable_variables + self.head.trainable_variables)
        slow, fast = self.split(gradients)
        self.slow.apply_gradients(zip(slow, self.encoder.trainable_variables))
        self.fast.apply_gradients(zip(fast, self.head.trainable_variables))
        return loss


class MendedTrainer(TwoSpeedTrainer):
    def split(self, gradients):
        border = len(self.encoder.trainable_variables)
        return gradients[:border], gradients[border:]


def step(built, sample):
    return TwoSpeedTrainer(**built).train_step(sample['series'], sample['y'])


def fixed_step(built, sample):
    return MendedTrainer(**built).train_step(sample['series'], sample['y'])


EXPECT = {
    'source': None, 'title': 'zip() silently drops the gradients of the last variables of the encoder',
    'source_kind': 'own', 'category': 'other',
    'culprit': {'input': None, 'variable': 'enc_gru', 'layer': None, 'op': None, 'line': 'cut = len(self.encoder.layers)'},
    'why': 'The encoder has 4 layers but 7 variables; zip stops after 4 pairs and the GRU is never updated.',
    'fix': 'Split at the number of variables.',
    'also': [{'input': None, 'variable': 'enc_gru', 'layer': None, 'op': None, 'line': 'return gradients[:cut], gradients[-len(self.head.trainable_variables):]'},
             {'input': None, 'variable': 'enc_gru', 'layer': None, 'op': None, 'line': 'self.slow.apply_gradients(zip(slow, self.encoder.trainable_variables))'},
             {'input': None, 'variable': 'enc_gru', 'layer': None, 'op': None, 'line': 'slow, fast = self.split(gradients)'},
             {'input': None, 'variable': 'enc_gru', 'layer': None, 'op': None, 'line': 'gradients = tape.gradient(loss, self.encoder.trainable_variables + self.head.trainable_variables)'}],
}
