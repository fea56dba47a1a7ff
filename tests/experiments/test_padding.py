"""Padding: other samples keep the steps of zeros, and what says where they are."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.record.subject import masks_of_padding, perturbed, random_like


def padded(rows=12, steps=6):
    generator = np.random.default_rng(0)
    lengths = generator.integers(2, steps, rows)
    mask = (np.arange(steps)[None] < lengths[:, None]).astype("float32")
    steps_of_rows = (generator.normal(size=(rows, steps, 3)) * mask[..., None]).astype("float32")
    return {"x": steps_of_rows, "mask": mask, "length": lengths.astype("int32")}


def test_rows_that_change_places_do_so_in_all_arrays_alike():
    moved = perturbed(padded(), np.random.default_rng(1))
    assert not np.array_equal(moved["mask"], padded()["mask"])
    assert np.array_equal(moved["mask"].sum(axis=1), moved["length"])
    assert np.array_equal(moved["x"].any(axis=-1), moved["mask"] > 0)


def test_random_numbers_fill_no_padding():
    x = padded()["x"]
    drawn = random_like(x, np.random.default_rng(1), 1.0)
    assert np.array_equal(drawn.any(axis=-1), x.any(axis=-1))
    assert not np.array_equal(drawn, x)


@pytest.mark.parametrize("is_inverted", [False, True])
def test_a_mask_is_known_by_the_padding_that_it_tells(is_inverted):
    sample = padded()
    sample["mask"] = 1 - sample["mask"] if is_inverted else sample["mask"]
    assert masks_of_padding(sample) == {"mask"}
    assert masks_of_padding({"x": sample["x"], "mask": sample["mask"][::-1]}) == frozenset()


class Pool(keras.layers.Layer):
    """Attention over steps, of which a mask leaves out the padding, or all but that."""

    def __init__(self, is_inverted):
        super().__init__(name="pool")
        self.score, self.is_inverted = keras.layers.Dense(1), is_inverted

    def call(self, h, mask):
        weights = tf.nn.softmax(self.score(h)[..., 0] - 1e9 * (mask if self.is_inverted else 1.0 - mask))
        return tf.reduce_sum(weights[..., None] * h, axis=1)


@pytest.mark.parametrize(("is_inverted", "variables"), [(True, ("step/kernel",)), (False, ())])
def test_a_mask_that_leaves_out_all_but_the_padding(is_inverted, variables):
    """Only its bias moves what is behind such a mask: the zeros of the padding never reach the kernel."""
    keras.utils.set_random_seed(0)
    x, mask = keras.Input((6, 3), name="x"), keras.Input((6,), name="mask")
    h = Pool(is_inverted)(keras.layers.Dense(5, "tanh", name="step")(x), mask)
    model = keras.Model([x, mask], keras.layers.Dense(1)(h))
    model.compile("adam", "mse")
    sample = padded()
    del sample["length"]
    result = gradlint.check(model, {**sample, "y": sample["x"].sum(axis=(1, 2))[:, None]})
    loud = [finding for finding in result.findings if str(finding.severity) != "info"]
    assert [finding.variables for finding in loud] == ([variables] if variables else [])
