"""Four RK4 steps of one small field."""

import keras
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="neural_ode_rk4")


@register
class Ode(layers.Layer):
    def build(self, shape):
        self.a, self.b = layers.Dense(8, activation="tanh", name="f1"), layers.Dense(shape[-1], name="f2")
        self.a.build(shape)
        self.b.build((None, 8))

    def call(self, x):
        def f(v):
            return self.b(self.a(v))

        h = 0.1
        for _ in range(4):
            k1 = f(x)
            k2 = f(x + h / 2 * k1)
            k3 = f(x + h / 2 * k2)
            k4 = f(x + h * k3)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return x


@seeded
def build():
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(Ode(name="ode")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 4), "y": normal(8, 1)}


NOTES = {"family": "ODE", "why_hard": "many reuses of two layers", "legit_nongradient": []}
