"""keras Discretization between two trainable layers."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    v = layers.Dense(3, name="encode")(x)
    h = (
        layers.Dense(4, name="soft")(v)
        if repaired
        else layers.Flatten(name="flat")(
            layers.Embedding(5, 4, name="emb")(
                layers.Discretization(bin_boundaries=[-1.0, 0.0, 0.5, 1.0], name="bins")(v)
            )
        )
    )
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"input": "x", "variable": "encode/kernel", "layer": "bins", "op": "Bucketize"},
    "why": "Discretization of a learned value has no gradient.",
}
