"""Adversarial training by PGD in a tf.function: random start, tf.range loop, projected steps on a watched tensor."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((12, 12, 1), name='image')
    h = keras.layers.Conv2D(6, 3, strides=2, activation='relu', name='conv')(x)
    h = keras.layers.BatchNormalization(name='bn')(h)
    h = keras.layers.Flatten(name='flat')(h)
    net = keras.Model(x, keras.layers.Dense(4, name='logits')(h), name='classifier')
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    optimizer.build(net.trainable_variables)
    return {'net': net, 'optimizer': optimizer}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.uniform(size=(8, 12, 12, 1)).astype('float32'), 'y': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['net']]


def step(built, sample, radius=0.1):
    net, optimizer = built['net'], built['optimizer']
    xent = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def train(image, label):
        adversarial = image + tf.random.uniform(tf.shape(image), -radius, radius)
        for _ in tf.range(4):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(adversarial)
                attack = xent(label, net(adversarial, training=False))
            adversarial += 0.25 * radius * tf.sign(tape.gradient(attack, adversarial))
            adversarial = tf.clip_by_value(tf.clip_by_value(adversarial, image - radius, image + radius), 0.0, 1.0)
        with tf.GradientTape() as tape:
            loss = xent(label, net(tf.stop_gradient(adversarial), training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
        return loss
    return {'loss': train(tf.constant(sample['image']), tf.constant(sample['y']))}
