"""SimSiam with stop_gradient on the target side only."""

import keras
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="simsiam_symmetric")


@register
class Sim(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        def n(t):
            return ops.normalize(t, axis=-1)

        def d(p, z):
            return -ops.mean(ops.sum(n(p) * n(ops.stop_gradient(z)), -1))

        return 0.5 * d(y_pred["p1"], y_pred["z2"]) + 0.5 * d(y_pred["p2"], y_pred["z1"])


@seeded
def build():
    a, b = keras.Input((6,), name="view1"), keras.Input((6,), name="view2")
    e = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="tanh"), layers.Dense(4)], name="encoder")
    h = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="tanh"), layers.Dense(4)], name="predictor")
    z1, z2 = e(a), e(b)
    model = Sim({"view1": a, "view2": b}, {"p1": h(z1), "p2": h(z2), "z1": z1, "z2": z2})
    model.compile("adam")
    return model


def sample():
    return {"view1": normal(8, 6), "view2": normal(8, 6, seed=1)}


NOTES = {
    "family": "self-supervised",
    "why_hard": "two of the four outputs are only read through stop_gradient",
    "legit_nongradient": [],
}
