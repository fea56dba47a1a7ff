"""LoRA layers over frozen kernels: B starts at zero."""

import keras
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="lora_dense_custom")


@register
class Lora(layers.Layer):
    def __init__(self, u=8, r=2, **k):
        super().__init__(**k)
        self.u, self.r = u, r

    def get_config(self):
        return {**super().get_config(), "u": self.u, "r": self.r}

    def build(self, shape):
        self.w = self.add_weight(
            shape=(shape[-1], self.u), name="frozen", trainable=False, initializer="glorot_uniform"
        )
        self.a = self.add_weight(shape=(shape[-1], self.r), name="lora_a", initializer="he_uniform")
        self.b = self.add_weight(shape=(self.r, self.u), name="lora_b", initializer="zeros")

    def call(self, x):
        return ops.matmul(x, self.w) + 2.0 * ops.matmul(ops.matmul(x, self.a), self.b)


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(1, name="head")(layers.ReLU()(Lora(name="l2")(ops.tanh(Lora(name="l1")(x)))))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


NOTES = {
    "family": "LoRA",
    "why_hard": "lora_a has exactly zero gradient at step 0",
    "legit_nongradient": [{"what": "lora_a", "kind": "zero", "reason": "B = 0"}],
}
