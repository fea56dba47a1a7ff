"""GAN with two optimisers in train_step; call() is the generator."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="gan_train_step")


@register
class Gan(keras.Model):
    def __init__(self, **k):
        super().__init__(**k)
        self.gen = keras.Sequential(
            [keras.Input((3,)), layers.Dense(8, activation="relu", name="g1"), layers.Dense(6, name="g2")], name="gen"
        )
        self.disc = keras.Sequential(
            [keras.Input((6,)), layers.Dense(8, activation="relu", name="d1"), layers.Dense(1, name="d2")], name="disc"
        )
        self.sg = keras.random.SeedGenerator(1)
        self.d_opt = keras.optimizers.Adam(1e-3)

    def build(self, shape):
        self.built = True

    def call(self, x):
        return self.disc(x)

    def train_step(self, data):
        x = data[0] if isinstance(data, tuple) else data
        z = keras.random.normal((ops.shape(x)[0], 3), seed=self.sg)

        def bce(target, logits):
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), target), logits))

        with tf.GradientTape() as t:
            ld = bce(1.0, self.disc(x)) + bce(0.0, self.disc(tf.stop_gradient(self.gen(z))))
        v = self.disc.trainable_variables
        self.d_opt.apply_gradients(zip(t.gradient(ld, v), v, strict=True))
        with tf.GradientTape() as t:
            lg = bce(1.0, self.disc(self.gen(z)))
        v = self.gen.trainable_variables
        self.optimizer.apply_gradients(zip(t.gradient(lg, v), v, strict=True))
        return {"d": ld, "g": lg}


@seeded
def build():
    model = Gan()
    model.build((None, 6))
    model(np.zeros((1, 6), "float32"))
    model.compile("adam")
    return model


def sample():
    return {"x": normal(8, 6)}


NOTES = {
    "family": "GAN/custom train_step",
    "why_hard": "call() uses only the discriminator; the generator is trained in train_step",
    "legit_nongradient": [{"what": "g[12]/", "kind": "none", "reason": "used by train_step only"}],
}
