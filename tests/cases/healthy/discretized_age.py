"""Float column through Discretization and Embedding, next to the normalised raw column."""

import keras
from cases.common import generator, normal, seeded
from keras import layers


@seeded
def build():
    a, x = keras.Input((1,), name="age"), keras.Input((3,), name="x")
    e = layers.Flatten()(
        layers.Embedding(5, 3, name="emb")(
            layers.Discretization(bin_boundaries=[18.0, 30.0, 45.0, 65.0], name="bins")(a)
        )
    )
    model = keras.Model({"age": a, "x": x}, layers.Dense(1)(layers.Concatenate()([e, x])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"age": generator().uniform(10, 80, (8, 1)).astype("float32"), "x": normal(8, 3), "y": normal(8, 1)}


NOTES = {
    "family": "preprocessing",
    "why_hard": "a raw float input that is discretised by a preprocessing layer",
    "legit_nongradient": [{"what": "input:age", "kind": "none", "reason": "raw column binned on purpose"}],
}
