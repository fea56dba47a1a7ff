"""Evolution strategy on a counting reward, next to a supervised warm-up by gradients."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(3)
    x = keras.Input((6,), name='state')
    return {'net': keras.Model({'state': x}, keras.layers.Dense(3, name='act')(keras.layers.Dense(8, activation='tanh', name='think')(x))), 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(3)
    return {'state': r.normal(size=(20, 6)).astype('float32'), 'expert': r.integers(0, 3, 20).astype('int32')}


def models(built):
    return [built['net']]


def reward(net, weights, sample):
    scores, _ = net.stateless_call(weights, [], {'state': sample['state']})
    return tf.reduce_mean(tf.cast(tf.argmax(scores, -1, tf.int32) == sample['expert'], tf.float32))


def step(built, sample):
    net = built['net']
    variables = net.trainable_variables
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['expert'], net({'state': sample['state']}, training=True)))
    grads = tape.gradient(loss, variables)
    center, climb = [tf.convert_to_tensor(v) for v in variables], [tf.zeros(v.shape) for v in variables]
    for i in range(8):
        noise = [tf.random.stateless_normal(v.shape, (i, j)) for j, v in enumerate(variables)]
        up = reward(net, [c + 0.3 * n for c, n in zip(center, noise)], sample)
        down = reward(net, [c - 0.3 * n for c, n in zip(center, noise)], sample)
        climb = [c + (up - down) / (2 * 0.3 * 8) * n for c, n in zip(climb, noise)]
    built['optimizer'].apply_gradients([(g - 0.1 * c, v) for g, c, v in zip(grads, climb, variables)])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}
