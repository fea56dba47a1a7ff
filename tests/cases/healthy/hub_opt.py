"""keras_hub OPT backbone."""

import keras_hub
import numpy as np
from cases.common import integers, seeded


@seeded
def build():
    return keras_hub.models.OPTBackbone(
        vocabulary_size=60, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=12
    )


def sample():
    return {"token_ids": integers(60, 2, 8), "padding_mask": np.ones((2, 8), "int32")}


NOTES = {
    "family": "keras-hub",
    "why_hard": "relu feed-forward",
    "legit_nongradient": [{"what": "key/bias", "kind": "tiny|zero", "reason": "key bias"}],
}
