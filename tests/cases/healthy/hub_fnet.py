"""keras_hub FNet: Fourier token mixing."""

import keras_hub
import numpy as np
from cases.common import integers, seeded


@seeded
def build():
    return keras_hub.models.FNetBackbone(
        vocabulary_size=60, num_layers=2, hidden_dim=16, intermediate_dim=24, max_sequence_length=8
    )


def sample():
    return {"token_ids": integers(60, 2, 8), "segment_ids": np.zeros((2, 8), "int32")}


NOTES = {"family": "keras-hub", "why_hard": "FFT2D, complex numbers; real part only", "legit_nongradient": []}
