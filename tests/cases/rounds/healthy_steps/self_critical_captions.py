"""Caption training with a self-critical baseline: sampled and greedy captions are scored in NumPy, the log-probability is taken under the tape."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(16)
    feature, words = keras.Input((5,), name='feature'), keras.Input((None,), dtype='int32', name='words')
    start = keras.layers.Dense(8, 'tanh', name='init_state')(feature)
    h = keras.layers.GRU(8, return_sequences=True, name='speaker')(keras.layers.Embedding(9, 6, name='vocab')(words), initial_state=start)
    net = keras.Model([feature, words], keras.layers.Dense(9, name='next_word')(h), name='captioner')
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    return {'feature': r.normal(size=(6, 5)).astype('float32'), 'reference': r.integers(1, 9, (6, 4))}


def models(built):
    return [built]


def roll_out(net, feature, greedy):
    feature, words = tf.convert_to_tensor(feature), tf.zeros((len(feature), 1), tf.int32)
    for i in range(4):
        last = net([feature, words], training=False)[:, -1]
        new = tf.argmax(last, 1, output_type=tf.int32)[:, None] if greedy else tf.random.categorical(last, 1, dtype=tf.int32, seed=5 + i)
        words = tf.concat([words, new], axis=1)
    return words


def reward(words, reference):
    return np.array([len(set(w) & set(r)) / 4 + 0.05 * w.mean() for w, r in zip(words[:, 1:].numpy(), reference)], 'float32')


def step(built, sample):
    said, best = roll_out(built, sample['feature'], False), roll_out(built, sample['feature'], True)
    advantage = reward(said, sample['reference']) - reward(best, sample['reference'])
    with tf.GradientTape() as tape:
        logits = built([tf.convert_to_tensor(sample['feature']), said[:, :-1]], training=True)
        log_p = -tf.nn.sparse_softmax_cross_entropy_with_logits(labels=said[:, 1:], logits=logits)
        loss = -tf.reduce_mean(advantage * tf.reduce_sum(log_p, axis=1))
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
