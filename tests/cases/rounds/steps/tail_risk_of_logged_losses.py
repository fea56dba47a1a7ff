"""The tail risk (CVaR) is averaged over the Python floats that were kept for the log."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(4)
    x = keras.Input((12,), name='x')
    h = keras.layers.Dense(24, activation='swish', name='body')(x)
    h = keras.layers.Dense(12, activation='swish', name='neck')(h)
    return {'net': keras.Model(x, keras.layers.Dense(3, name='logits')(h), name='risk_net'), 'optimizer': keras.optimizers.RMSprop(1e-3)}


def sample():
    r = np.random.default_rng(4)
    return {'x': r.normal(size=(16, 12)).astype('float32'), 'y': r.integers(0, 3, 16).astype('int32')}


def models(built):
    return [built['net']]


class TailRiskTrainer:
    def __init__(self, net, optimizer, fraction=0.25):
        self.net, self.optimizer, self.fraction = net, optimizer, fraction
        self.criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction='none')
        self.log = []

    def tail(self, per_example):
        self.log = [float(value) for value in per_example]
        keep = max(1, int(self.fraction * len(self.log)))
        worst = sorted(self.log)[-keep:]
        return tf.reduce_mean(tf.convert_to_tensor(worst, tf.float32))

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            per_example = self.criterion(batch['y'], self.net(batch['x'], training=True))
            loss = self.tail(per_example)
        gradients = tape.gradient(loss, self.net.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.net.trainable_variables))
        return {'cvar': loss, 'worst': max(self.log)}


class MendedTailRiskTrainer(TailRiskTrainer):
    def tail(self, per_example):
        self.log = [float(value) for value in per_example]
        keep = max(1, int(self.fraction * len(self.log)))
        return tf.reduce_mean(tf.math.top_k(per_example, keep).values)


def step(built, sample):
    return TailRiskTrainer(**built).train_step(sample)


def fixed_step(built, sample):
    return MendedTailRiskTrainer(**built).train_step(sample)


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/30190',
    'title': 'tf.GradientTape().gradient() returns None (losses collected as floats)',
    'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'body/kernel', 'layer': None, 'op': None, 'line': 'self.log = [float(value) for value in per_example]'},
    'why': 'float() leaves TensorFlow; the loss is a constant for the tape.',
    'fix': 'Take the top k of the tensor.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'worst = sorted(self.log)[-keep:]'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return tf.reduce_mean(tf.convert_to_tensor(worst, tf.float32))'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'loss = self.tail(per_example)'}],
}
