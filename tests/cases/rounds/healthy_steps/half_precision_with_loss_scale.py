"""Half precision in single layers, LossScaleOptimizer around AdamW, the scaled loss is differentiated."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(115)
    x = keras.Input((20,), name='x')
    h = keras.layers.Dense(32, dtype='mixed_float16', name='d1')(x)
    h = keras.layers.LayerNormalization(dtype='mixed_float16', name='ln')(h)
    h = keras.layers.Activation('gelu', dtype='mixed_float16', name='act')(h)
    net = keras.Model(x, keras.layers.Dense(1, dtype='float32', name='logit')(h), name='ctr')
    return {'net': net, 'optimizer': keras.optimizers.LossScaleOptimizer(keras.optimizers.AdamW(1e-3), initial_scale=512.)}


def sample():
    r = np.random.default_rng(115)
    return {'x': r.normal(size=(16, 20)).astype('float32'), 'y': (r.uniform(size=(16, 1)) < 0.3).astype('float32')}


def models(built):
    return [built['net']]


class Trainer:
    def __init__(self, net, optimizer):
        self.net, self.optimizer = net, optimizer
        self.criterion = keras.losses.BinaryFocalCrossentropy(from_logits=True, gamma=1.)
        self.auc = keras.metrics.AUC(from_logits=True)

    def train_step(self, x, y):
        with tf.GradientTape() as tape:
            logits = self.net(x, training=True)
            loss = self.criterion(y, logits)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.net.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.net.trainable_variables))
        self.auc.update_state(y, logits)
        return {'loss': loss, 'auc': self.auc.result()}


def step(built, sample):
    trainer = Trainer(**built)
    for _ in range(2):
        logs = trainer.train_step(sample['x'], sample['y'])
    return logs


NOTES = dict(family='mixed precision', why_hard='float16 layers, scaled loss', legit_nongradient=[])
