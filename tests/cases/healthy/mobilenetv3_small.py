"""keras.applications MobileNetV3Small at 32 px."""

import keras
from cases.common import generator, integers, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((32, 32, 3), name="image")
    b = keras.applications.MobileNetV3Small(
        input_shape=(32, 32, 3), alpha=0.5, weights=None, include_top=False, pooling="avg"
    )
    model = keras.Model({"image": x}, layers.Dense(3, activation="softmax")(b(x)))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {"image": generator().uniform(0, 255, (4, 32, 32, 3)).astype("float32"), "y": integers(3, 4)}


NOTES = {
    "family": "applications",
    "why_hard": "hard swish, squeeze-excite, BatchNorm at 1x1 on batch 4",
    "legit_nongradient": [{"what": "squeeze|se_", "kind": "zero", "reason": "small bottleneck"}],
}
