"""keras_hub CSP DarkNet backbone."""

import keras_hub
from cases.common import normal, seeded


@seeded
def build():
    return keras_hub.models.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=1,
        stackwise_depth=[1, 1],
        stackwise_strides=[2, 2],
        stackwise_num_filters=[16, 24],
        block_type="dark_block",
        stage_type="csp",
        bottle_ratio=[0.5],
        block_ratio=[1.0],
        expand_ratio=[2.0],
        image_shape=(32, 32, 3),
    )


def sample():
    return {"image": normal(2, 32, 32, 3)}


NOTES = {"family": "keras-hub", "why_hard": "split branches and BatchNorm", "legit_nongradient": []}
