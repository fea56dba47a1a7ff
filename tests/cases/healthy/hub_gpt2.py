"""keras_hub GPT-2 causal LM."""

import keras
import keras_hub
import numpy as np
from cases.common import integers, seeded


@seeded
def build():
    b = keras_hub.models.GPT2Backbone(
        vocabulary_size=60, num_layers=2, num_heads=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=12
    )
    model = keras_hub.models.GPT2CausalLM(b, preprocessor=None)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def sample():
    return {"token_ids": integers(60, 2, 8), "padding_mask": np.ones((2, 8), "int32"), "y": integers(60, 2, 8, seed=1)}


NOTES = {
    "family": "keras-hub",
    "why_hard": "tied embedding, causal mask",
    "legit_nongradient": [{"what": "key/bias", "kind": "tiny|zero", "reason": "key bias"}],
}
