"""keras_hub ALBERT: one group of layers repeated."""

import keras_hub
import numpy as np
from cases.common import integers, seeded


@seeded
def build():
    return keras_hub.models.AlbertBackbone(
        vocabulary_size=60,
        num_layers=2,
        num_heads=2,
        embedding_dim=8,
        hidden_dim=16,
        intermediate_dim=24,
        max_sequence_length=12,
    )


def sample():
    pm = np.ones((2, 8), "int32")
    pm[0, 5:] = 0
    return {"token_ids": integers(60, 2, 8), "segment_ids": np.zeros((2, 8), "int32"), "padding_mask": pm}


NOTES = {
    "family": "keras-hub",
    "why_hard": "shared layers, integer keys",
    "legit_nongradient": [{"what": "key/bias", "kind": "tiny|zero", "reason": "key bias"}],
}
