"""Tensors of PyTorch among the arguments of a step."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


class Torch:
    """What a tensor of PyTorch on a device can do, and what it refuses."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array

    def __array__(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


def stepping(convert=lambda x: x):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(convert(x)) - y))
        slopes = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))

    return step


@pytest.mark.parametrize(
    ("given", "named"),
    [((Torch(X), X[:, :1]), "'x' is a tensor"), ((Torch(X), Torch(X[:, :1])), "'x', 'y' are tensors")],
)
def test_a_tensor_that_tensorflow_does_not_take_is_named(given, named):
    """It ended with an error from inside of Keras."""
    with pytest.raises(gradlint.UsageError, match=rf"{named} of PyTorch, .* give x\.detach\(\)\.cpu\(\)\.numpy\(\)"):
        gradlint.check_step(stepping(), *given)


def test_a_step_that_converts_it_is_left_alone():
    assert gradlint.check_step(stepping(lambda x: x.detach().cpu().numpy()), Torch(X), X[:, :1]).ok


def test_a_step_that_fails_for_another_reason_says_which():
    def fails(x):
        raise OSError("no such host")

    with pytest.raises(gradlint.ModelRunError, match="no such host"):
        gradlint.check_step(stepping(fails), Torch(X), X[:, :1])
