"""A branch is multiplied by a coefficient that was left at 0."""

import keras
from cases.common import normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="branch_times_zero_constant")


@register
class Mix(layers.Layer):
    def __init__(self, alpha=0.0, **k):
        super().__init__(**k)
        self.alpha = alpha

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}

    def call(self, a, b):
        return a + self.alpha * b


def net(repaired):
    a, b = keras.Input((5,), name="main"), keras.Input((5,), name="context")
    model = keras.Model(
        {"main": a, "context": b},
        layers.Dense(1, name="out")(
            Mix(0.5 if repaired else 0.0, name="mix")(layers.Dense(6, name="fm")(a), layers.Dense(6, name="fc")(b))
        ),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"main": normal(8, 5), "context": normal(8, 5, seed=1), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {
        "input": "context",
        "variable": "fc/kernel",
        "layer": "mix",
        "op": "Mul",
        "line": "return a + self.alpha * b",
    },
    "why": "The constant 0 removes the branch, and it is not trainable.",
}
