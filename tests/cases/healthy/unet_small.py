"""UNet with skip connections."""

import keras
from cases.common import integers, normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((16, 16, 1), name="image")

    def c(f):
        return layers.Conv2D(f, 3, padding="same", activation="relu")

    a = c(4)(x)
    b = c(8)(layers.MaxPooling2D()(a))
    d = c(8)(layers.MaxPooling2D()(b))
    u = c(8)(layers.Concatenate()([layers.Conv2DTranspose(8, 2, strides=2)(d), b]))
    u = c(4)(layers.Concatenate()([layers.UpSampling2D()(u), a]))
    model = keras.Model({"image": x}, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(u))
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return {"image": normal(2, 16, 16, 1), "y": integers(2, 2, 16, 16, 1).astype("float32")}


NOTES = {"family": "segmentation", "why_hard": "max pooling passes one of four pixels", "legit_nongradient": []}
