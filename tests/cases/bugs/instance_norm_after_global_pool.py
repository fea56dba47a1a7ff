"""An instance normalization of one element for each channel, in a squeeze-and-excite branch."""

import keras
from cases.common import generator, normal, twins
from keras import layers


def net(repaired):
    image = keras.Input((8, 8, 3), name="image")
    h = layers.GlobalAveragePooling2D(keepdims=True)(layers.Conv2D(8, 3, activation="relu", name="conv")(image))
    h = layers.GroupNormalization(groups=1 if repaired else -1, name="norm")(h)
    model = keras.Model({"image": image}, layers.Dense(2, name="head")(layers.Flatten()(h)))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def sample():
    return {"image": normal(6, 8, 8, 3), "y": generator(1).integers(0, 2, 6)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "image", "variable": "conv/kernel", "layer": "norm"},
    "why": "One element minus its own mean is zero, whatever the image.",
}
