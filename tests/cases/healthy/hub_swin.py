"""keras_hub Swin Transformer: window partition reshapes the batch axis."""

import keras_hub
from cases.common import normal, seeded


@seeded
def build():
    return keras_hub.models.SwinTransformerBackbone(
        image_shape=(16, 16, 3), embed_dim=8, depths=[2, 1], num_heads=[2, 2], window_size=2, patch_size=4
    )


def sample():
    return {"images": normal(2, 16, 16, 3)}


NOTES = {
    "family": "keras-hub",
    "why_hard": "windows are folded into the batch axis and back; shifted windows; relative bias",
    "legit_nongradient": [{"what": "bias", "kind": "tiny|zero", "reason": "key bias part of qkv"}],
}
