"""A network with three exits: each exit learns from the labels, the early ones also from the stopped answer of the last."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(18)
    x = h = keras.Input((24, 2), name='signal')
    exits = []
    for i in range(3):
        h = keras.layers.SeparableConv1D(8, 3, padding='same', activation='swish', name=f'block{i}')(h)
        exits.append(keras.layers.Dense(4, name=f'exit{i}')(keras.layers.GlobalAveragePooling1D()(h)))
    return {'net': keras.Model(x, exits, name='early_exit'), 'optimizer': keras.optimizers.Adam(1e-2), 'temperature': 3.0}


def sample():
    r = np.random.default_rng(0)
    return {'signal': r.normal(size=(8, 24, 2)).astype('float32'), 'y': r.integers(0, 4, 8)}


def models(built):
    return [built['net']]


def step(built, sample):
    net, t = built['net'], built['temperature']

    @tf.function
    def train(signal, y):
        with tf.GradientTape() as tape:
            *early, last = net(signal, training=True)
            hard = tf.add_n([tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=e)) for e in (*early, last)])
            teacher = tf.stop_gradient(tf.nn.softmax(last / t))
            soft = tf.add_n([tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=teacher, logits=e / t)) for e in early])
            loss = hard + 0.5 * t * t * soft
        return loss, tape.gradient(loss, net.trainable_variables)

    loss, gradients = train(tf.convert_to_tensor(sample['signal']), tf.convert_to_tensor(sample['y']))
    built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return {'loss': loss}
