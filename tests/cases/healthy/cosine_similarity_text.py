"""keras CosineSimilarity between two towers through Dot(normalize=True)."""

import keras
from cases.common import generator, integers, seeded
from keras import layers


@seeded
def build():
    q, d = keras.Input((6,), dtype="int32", name="query"), keras.Input((9,), dtype="int32", name="doc")
    e = layers.Embedding(30, 6, name="emb")
    p = layers.GlobalAveragePooling1D()
    model = keras.Model(
        {"query": q, "doc": d},
        layers.Dot(1, normalize=True, name="cos")(
            [layers.Dense(4, name="fq")(p(e(q))), layers.Dense(4, name="fd")(p(e(d)))]
        ),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {
        "query": integers(30, 5, 6),
        "doc": integers(30, 5, 9, seed=1),
        "y": generator().uniform(size=(5, 1)).astype("float32"),
    }


NOTES = {"family": "retrieval", "why_hard": "shared embedding, unused rows", "legit_nongradient": []}
