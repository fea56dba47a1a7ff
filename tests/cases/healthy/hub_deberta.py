"""keras_hub DeBERTa v3: disentangled attention."""

import keras_hub
import numpy as np
from cases.common import integers, seeded


@seeded
def build():
    return keras_hub.models.DebertaV3Backbone(
        vocabulary_size=60,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=24,
        max_sequence_length=12,
        bucket_size=8,
    )


def sample():
    return {"token_ids": integers(60, 2, 8), "padding_mask": np.ones((2, 8), "int32")}


NOTES = {
    "family": "keras-hub",
    "why_hard": "relative position gather",
    "legit_nongradient": [{"what": "key.*bias", "kind": "tiny|zero", "reason": "key bias"}],
}
