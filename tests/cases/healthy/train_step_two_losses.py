"""Custom train_step that adds a consistency loss to the compiled one."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="train_step_two_losses")


@register
class Cons(keras.Model):
    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as t:
            p = self(x, training=True)
            q = self({"x": x["x"] + 0.01}, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=p) + 0.1 * tf.reduce_mean(tf.square(p - q))
        v = self.trainable_variables
        self.optimizer.apply_gradients(zip(t.gradient(loss, v), v, strict=True))
        return {"loss": loss}


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = Cons({"x": x}, layers.Dense(1)(layers.Dense(8, activation="tanh")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


NOTES = {"family": "custom train_step", "why_hard": "two forward passes per step", "legit_nongradient": []}
