"""Seq2seq: the decoder's GRU is called without the encoder's state, which the step computes and does not pass on."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3')
class Encoder(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(15, 8, name='enc_embedding')
        self.gru = keras.layers.GRU(12, return_state=True, return_sequences=True, name='enc_gru')

    def call(self, x):
        return self.gru(self.embedding(x))


@keras.saving.register_keras_serializable('s3')
class Decoder(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(15, 8, name='dec_embedding')
        self.gru = keras.layers.GRU(12, return_state=True, return_sequences=True, name='dec_gru')
        self.fc = keras.layers.Dense(15, name='dec_fc')

    def call(self, x, hidden=None):
        output, state = self.gru(self.embedding(x), initial_state=hidden)
        return self.fc(output), state


def build():
    keras.utils.set_random_seed(0)
    encoder, decoder = Encoder(name='encoder'), Decoder(name='decoder')
    _, state = encoder(tf.zeros((1, 5), tf.int32))
    decoder(tf.zeros((1, 5), tf.int32), state)
    return {'encoder': encoder, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'inp': r.integers(1, 15, (8, 7)), 'targ': r.integers(0, 15, (8, 6))}


def models(built):
    return [built['encoder'], built['decoder']]


def masked_loss(real, pred):
    mask = tf.cast(real != 0, tf.float32)
    return tf.reduce_sum(mask * tf.nn.sparse_softmax_cross_entropy_with_logits(real, pred)) / tf.reduce_sum(mask)


def step(built, sample):
    encoder, decoder, targ = built['encoder'], built['decoder'], sample['targ']
    with tf.GradientTape() as tape:
        enc_output, enc_hidden = encoder(sample['inp'])
        predictions, dec_hidden = decoder(targ[:, :-1])
        loss = masked_loss(targ[:, 1:], predictions)
    variables = encoder.trainable_variables + decoder.trainable_variables
    gradients = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(gradients, variables))
    return loss


def fixed_step(built, sample):
    encoder, decoder, targ = built['encoder'], built['decoder'], sample['targ']
    with tf.GradientTape() as tape:
        _, hidden = encoder(sample['inp'])
        logits, _ = decoder(targ[:, :-1], hidden)
        loss = masked_loss(targ[:, 1:], logits)
    variables = encoder.trainable_variables + decoder.trainable_variables
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


EXPECT = {
    'source': 'https://github.com/kjc6723/seq2seq_Pointer_Generator_Summarizer/issues/1',
    'title': 'code problem: gru(x) without the encoder state', 'source_kind': 'variant', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'enc_gru', 'layer': None, 'op': None, 'line': 'predictions, dec_hidden = decoder(targ[:, :-1])'},
    'why': 'The decoder starts from a zero state; the source sentence never reaches the loss, and the encoder has no gradient.',
    'fix': 'decoder(targ[:, :-1], enc_hidden).',
    'also': [{'variable': 'enc_embedding', 'line': 'predictions, dec_hidden = decoder('}, {'variable': 'enc_', 'line': "enc_output, enc_hidden = encoder(sample['inp'])"},
             {'input': 'inp', 'variable': None, 'line': 'predictions, dec_hidden = decoder('}, {'layer': 'encoder', 'line': None, 'variable': None},
             {'variable': 'enc_', 'line': 'gradients = tape.gradient(loss, variables)'}, {'variable': 'enc_', 'line': 'output, state = self.gru(self.embedding(x), initial_state=hidden)'},
             {'variable': 'enc_', 'line': "built['optimizer'].apply_gradients(zip(gradients, variables))"}],
    'symptom': [('unmoved', 'enc_')],
}
