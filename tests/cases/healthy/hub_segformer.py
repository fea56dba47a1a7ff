"""keras_hub SegFormer backbone."""

import keras_hub
from cases.common import normal, seeded


@seeded
def build():
    e = keras_hub.models.MiTBackbone(
        layerwise_depths=[1, 1],
        num_layers=2,
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
        image_shape=(32, 32, 3),
        hidden_dims=[8, 16],
    )
    return keras_hub.models.SegFormerBackbone(image_encoder=e, projection_filters=8)


def sample():
    return {"image": normal(2, 32, 32, 3)}


NOTES = {
    "family": "keras-hub",
    "why_hard": "multi-level head with BatchNorm",
    "legit_nongradient": [
        {"what": "multihead_attention.*bias", "kind": "tiny|zero", "reason": "key bias"},
        {"what": "bias", "kind": "tiny|zero", "reason": "linear projections before BN"},
    ],
}
