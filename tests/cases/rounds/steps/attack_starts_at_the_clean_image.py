"""Adversarial logit pairing: the attack starts at the clean image, where the squared distance of the logits is flat."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((12, 12, 1), name='image')
    h = keras.layers.Conv2D(6, 3, strides=2, activation='softplus', name='conv')(x)
    h = keras.layers.Flatten(name='flat')(h)
    net = keras.Model(x, keras.layers.Dense(4, name='logits')(h), name='classifier')
    return {'net': net, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.uniform(size=(8, 12, 12, 1)).astype('float32'), 'y': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['net']]


def ascend(net, image, adversarial, radius=0.1, rate=0.05):
    clean = net(image)
    for _ in range(3):
        with tf.GradientTape() as tape:
            tape.watch(adversarial)
            distance = tf.reduce_sum((net(adversarial) - clean) ** 2)
        slope = tape.gradient(distance, adversarial)
        adversarial = adversarial + rate * tf.sign(slope)
        adversarial = tf.clip_by_value(image + tf.clip_by_value(adversarial - image, -radius, radius), 0.0, 1.0)
    return tf.stop_gradient(adversarial)


def train(built, sample, image, adversarial):
    net = built['net']
    with tf.GradientTape() as tape:
        logits = net(image, training=True)
        pairing = tf.reduce_mean(tf.reduce_sum((net(adversarial, training=True) - logits) ** 2, axis=-1))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], logits)) + 2.0 * pairing
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'pairing': pairing}


def step(built, sample):
    image = tf.constant(sample['image'])
    adversarial = ascend(built['net'], image, tf.identity(image))
    return train(built, sample, image, adversarial)


def fixed_step(built, sample):
    image = tf.constant(sample['image'])
    adversarial = ascend(built['net'], image, image + tf.random.stateless_uniform(image.shape, [1, 2], -0.05, 0.05))
    return train(built, sample, image, adversarial)


LINE = "adversarial = ascend(built['net'], image, tf.identity(image))"
EXPECT = {
    'source': 'own', 'title': 'Attack on a distance from the clean prediction without a random start', 'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': {'input': 'image', 'variable': None, 'layer': None, 'op': None, 'line': LINE},
    'why': 'At the clean image the distance has its minimum, so its gradient is exactly zero, sign(0) = 0, and the adversarial image never leaves; the pairing loss is 0.',
    'fix': 'Start from a random point of the ball.',
}
EXPECT['also'] = [{'line': LINE}, {'input': 'image', 'line': 'distance = tf.reduce_sum((net(adversarial) - clean) ** 2)'}, {'line': 'distance = tf.reduce_sum((net(adversarial) - clean) ** 2)'},
                  {'line': 'slope = tape.gradient(distance, adversarial)'}, {'line': 'adversarial = adversarial + rate * tf.sign(slope)'}, {'input': 'image', 'op': 'Sign'},
                  {'input': 'image', 'op': 'Pow'}, {'input': 'image', 'op': 'Square'}, {'line': 'pairing = tf.reduce_mean(tf.reduce_sum((net(adversarial, training=True) - logits) ** 2, axis=-1))'}]
