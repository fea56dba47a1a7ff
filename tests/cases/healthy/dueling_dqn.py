"""Dueling heads with the mean advantage subtracted; only taken actions get gradient."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="dueling_dqn")


@register
class Dqn(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        q = ops.sum(y_pred * ops.one_hot(y["action"], 4), -1)
        return ops.mean(keras.losses.huber(y["target"][:, None], q[:, None]))


@seeded
def build():
    x = keras.Input((6,), name="obs")
    h = layers.Dense(8, activation="relu")(x)
    a = layers.Dense(4, name="adv")(h)
    v = layers.Dense(1, name="val")(h)
    model = Dqn({"obs": x}, v + a - ops.mean(a, -1, keepdims=True))
    model.compile("adam")
    return model


def sample():
    return {"obs": normal(12, 6), "y:action": np.zeros(12, "int32"), "y:target": normal(12)}


NOTES = {"family": "RL", "why_hard": "V (B, 1) + A (B, 4) broadcasts on purpose", "legit_nongradient": []}
