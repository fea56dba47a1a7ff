"""keras.ops.stop_gradient as a node of a functional model, left over from an experiment."""

import keras
from cases.common import normal, twins
from keras import layers, ops


def net(repaired):
    a, b = keras.Input((6,), name="image_feat"), keras.Input((4,), name="text_feat")
    h = layers.Dense(8, activation="relu", name="image_encoder")(a)
    t = layers.Dense(8, activation="relu", name="text_encoder")(b)
    if not repaired:
        h = ops.stop_gradient(h)
    model = keras.Model(
        {"image_feat": a, "text_feat": b}, layers.Dense(1, name="out")(layers.Concatenate(name="cat")([h, t]))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"image_feat": normal(8, 6), "text_feat": normal(8, 4), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "stop_gradient",
    "culprit": {"input": "image_feat", "variable": "image_encoder/kernel", "op": "StopGradient"},
    "why": "The image tower is detached.",
}
