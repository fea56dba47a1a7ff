"""keras_hub ViT backbone."""

import keras_hub
from cases.common import normal, seeded


@seeded
def build():
    return keras_hub.models.ViTBackbone(
        image_shape=(16, 16, 3), patch_size=(8, 8), num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=24
    )


def sample():
    return {"images": normal(2, 16, 16, 3)}


NOTES = {
    "family": "keras-hub",
    "why_hard": "class token",
    "legit_nongradient": [{"what": "key/bias", "kind": "tiny|zero", "reason": "key bias"}],
}
