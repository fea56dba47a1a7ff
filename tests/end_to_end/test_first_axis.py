"""Layers of Keras that are told to work along the axis of the samples, and crops that name another image."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

RANDOM = np.random.default_rng(0)


def codes(model, sample):
    model.compile("sgd", "mse")
    sample["y"] = RANDOM.normal(size=(6, 1)).astype("float32")
    return [(f.code, f.cause.layer) for f in gradlint.check(model, sample).findings if f.severity.value == "error"]


@pytest.mark.parametrize(("axis", "told"), [(0, [("GL501", "attention")]), (1, [])])
def test_attention(axis, told):
    x = keras.Input((9, 4), name="x")
    h = keras.layers.MultiHeadAttention(2, 3, dropout=0.1, attention_axes=(axis,), name="attention")(x, x)
    model = keras.Model(x, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(h)))
    assert codes(model, {"x": RANDOM.normal(size=(6, 9, 4)).astype("float32")}) == told


@pytest.mark.parametrize(("axis", "told"), [(0, [("GL501", "weights")]), (-1, [])])
def test_a_softmax(axis, told):
    x = keras.Input((4,), name="x")
    h = keras.layers.Softmax(axis=axis, name="weights")(keras.layers.Dense(3)(x))
    assert codes(keras.Model(x, keras.layers.Dense(1)(h)), {"x": RANDOM.normal(size=(6, 4)).astype("float32")}) == told


class Crops(keras.layers.Layer):
    def __init__(self, own: bool):
        super().__init__(name="crops")
        self.own = own

    def call(self, images, boxes):
        rows = tf.shape(boxes)[0]
        return tf.image.crop_and_resize(
            images, boxes, tf.range(rows) if self.own else tf.zeros([rows], tf.int32), (3, 3)
        )

    def compute_output_shape(self, images_shape, boxes_shape):
        return (images_shape[0], 3, 3, images_shape[-1])


@pytest.mark.parametrize(("own", "told"), [(False, [("GL501", "crops")]), (True, [])])
def test_crops(own, told):
    images, boxes = keras.Input((8, 8, 2), name="images"), keras.Input((4,), name="boxes")
    h = keras.layers.Flatten()(Crops(own)(images, boxes))
    corners = RANDOM.uniform(0, 0.4, (6, 2))
    sample = {
        "images": RANDOM.normal(size=(6, 8, 8, 2)).astype("float32"),
        "boxes": np.concatenate([corners, corners + 0.4], 1).astype("float32"),
    }
    found = codes(keras.Model([images, boxes], keras.layers.Dense(1)(h)), sample)
    assert found == told
