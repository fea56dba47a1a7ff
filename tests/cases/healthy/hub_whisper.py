"""keras_hub Whisper backbone: audio encoder, text decoder."""

import keras_hub
import numpy as np
from cases.common import integers, normal, seeded


@seeded
def build():
    return keras_hub.models.WhisperBackbone(
        vocabulary_size=60,
        num_layers=2,
        num_heads=2,
        hidden_dim=16,
        intermediate_dim=24,
        num_mels=8,
        max_encoder_sequence_length=16,
        max_decoder_sequence_length=10,
    )


def sample():
    return {
        "encoder_features": normal(2, 16, 8),
        "decoder_token_ids": integers(60, 2, 8),
        "decoder_padding_mask": np.ones((2, 8), "int32"),
    }


NOTES = {
    "family": "keras-hub",
    "why_hard": "encoder output and decoder output; position embedding of the encoder fixed",
    "legit_nongradient": [{"what": "key/bias", "kind": "tiny|zero", "reason": "key bias"}],
}
