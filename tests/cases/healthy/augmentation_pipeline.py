"""Random flips, rotation, zoom in front of a CNN."""

import keras
from cases.common import generator, integers, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((12, 12, 3), name="image")
    h = layers.RandomZoom(0.1, seed=3)(
        layers.RandomRotation(0.1, seed=2)(layers.RandomFlip("horizontal", seed=1)(layers.Rescaling(1 / 255.0)(x)))
    )
    model = keras.Model(
        {"image": x},
        layers.Dense(2, activation="softmax")(
            layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(h))
        ),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {"image": generator().uniform(0, 255, (4, 12, 12, 3)).astype("float32"), "y": integers(2, 4)}


NOTES = {
    "family": "augmentation",
    "why_hard": "ImageProjectiveTransform; border pixels lost; image gradient may be absent",
    "legit_nongradient": [
        {"what": "input:image", "kind": "none|zero", "reason": "no trainable part in front of the augmentation"}
    ],
}
