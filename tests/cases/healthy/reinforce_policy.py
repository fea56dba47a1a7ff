"""REINFORCE with a baseline; action and return keys as labels."""

import keras
from cases.common import integers, normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="reinforce_policy")


@register
class Pg(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        lp = ops.log_softmax(y_pred["logits"])
        b = ops.squeeze(y_pred["baseline"], -1)
        a = ops.sum(lp * ops.one_hot(y["action"], 3), -1)
        adv = y["ret"] - b
        return -ops.mean(a * ops.stop_gradient(adv)) + ops.mean(adv**2)


@seeded
def build():
    x = keras.Input((5,), name="obs")
    h = layers.Dense(8, activation="tanh")(x)
    model = Pg({"obs": x}, {"logits": layers.Dense(3, name="pi")(h), "baseline": layers.Dense(1, name="v")(h)})
    model.compile("adam")
    return model


def sample():
    return {"obs": normal(8, 5), "y:action": integers(3, 8), "y:ret": normal(8)}


NOTES = {
    "family": "RL",
    "why_hard": "stop_gradient on advantage; labels are not named after outputs",
    "legit_nongradient": [],
}
