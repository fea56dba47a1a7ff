"""Character model with truncated backpropagation: the state is carried from chunk to chunk without its history; clipping by global norm."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='text', why_hard='the state of the last chunk is stopped on purpose; three updates in a step; padded positions masked out', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(18)
    chars = keras.Input((None,), dtype='int32', name='chars')
    state = keras.Input((12,), name='state')
    h = keras.layers.Embedding(18, 8, name='embed')(chars)
    h, last = keras.layers.GRU(12, return_sequences=True, return_state=True, name='gru')(h, initial_state=state)
    model = keras.Model({'chars': chars, 'state': state}, {'logits': keras.layers.Dense(18, name='next_char')(h), 'state': last}, name='char_rnn')
    return {'model': model, 'optimizer': keras.optimizers.RMSprop(1e-3)}


def sample():
    r = np.random.default_rng(18)
    text = r.integers(1, 18, (5, 22)).astype('int32')
    text[3, 15:] = 0
    text[4, 18:] = 0
    return {'text': text}


def models(built):
    return [built['model']]


def step(built, sample, chunk=7):
    model = built['model']
    text = sample['text']
    state = tf.zeros((len(text), 12))
    losses = []
    for start in range(0, text.shape[1] - 1, chunk):
        x, y = text[:, start:start + chunk], text[:, start + 1:start + chunk + 1]
        mask = (y != 0).astype('float32')
        with tf.GradientTape() as tape:
            out = model({'chars': tf.constant(x), 'state': tf.stop_gradient(state)}, training=True)
            ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=out['logits'])
            loss = tf.reduce_sum(ce * mask) / mask.sum()
        grads, norm = tf.clip_by_global_norm([tf.convert_to_tensor(g) for g in tape.gradient(loss, model.trainable_variables)], 1.0)
        built['optimizer'].apply_gradients(zip(grads, model.trainable_variables))
        state = out['state']
        losses.append(float(loss))
    return np.mean(losses)
