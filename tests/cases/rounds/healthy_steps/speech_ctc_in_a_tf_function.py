"""Speech: CTC with input lengths in a tf.function, SpecAugment on the input, clipping by the global norm."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(19)
    x = keras.Input((24, 8), name='mel')
    h = keras.layers.Conv1D(10, 3, padding='same', activation='relu', name='conv')(x)
    h = keras.layers.GRU(10, return_sequences=True, name='gru')(h)
    model = keras.Model(x, keras.layers.Dense(7, name='phones')(h))
    opt = keras.optimizers.Adam(1e-3)
    opt.build(model.trainable_variables)

    @tf.function
    def train(mel, frames, labels, letters):
        start = tf.random.uniform((), 0, 6, tf.int32)
        keep = tf.cast(tf.logical_or(tf.range(8) < start, tf.range(8) >= start + 2), tf.float32)
        with tf.GradientTape() as tape:
            logits = model(mel * keep, training=True)
            loss = tf.reduce_mean(tf.nn.ctc_loss(labels, logits, letters, frames, logits_time_major=False, blank_index=0) / tf.cast(letters, tf.float32))
        grads, norm = tf.clip_by_global_norm(tape.gradient(loss, model.trainable_variables), 1.0)
        opt.apply_gradients(zip(grads, model.trainable_variables))
        return loss, norm

    return {'model': model, 'opt': opt, 'train': train}


def sample():
    r = np.random.default_rng(19)
    letters = np.array([5, 3, 4, 6], 'int32')
    labels = np.where(np.arange(6)[None] < letters[:, None], r.integers(1, 7, (4, 6)), 0).astype('int32')
    return {'mel': r.normal(size=(4, 24, 8)).astype('float32'), 'frames': np.array([24, 18, 20, 24], 'int32'), 'labels': labels, 'letters': letters}


def models(built):
    return [built['model']]


def step(built, sample):
    loss, norm = built['train'](*(tf.constant(sample[k]) for k in ('mel', 'frames', 'labels', 'letters')))
    return {'loss': loss, 'norm': norm}
