"""What a step is given goes by the names that its own code has for it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from gradlint.record.parameters import arguments_by_name
from gradlint.record.step_arguments import given_arrays, replaced_arrays

A, B, C = (np.full(2, value) for value in (1.0, 2.0, 3.0))


def two(images, labels):
    pass


def one(batch):
    pass


def taken_apart(batch):
    images, labels = batch
    return images, labels


def taken_apart_twice(batch, images):
    images, labels = batch
    return images, labels


def inputs_taken_apart(batch):
    (left, right), y = batch
    return left, right, y


def as_keras_does(data):
    x, y, weights = tf.keras.utils.unpack_x_y_sample_weight(data)
    return x, y, weights


def any_number(*batches, scale=1.0):
    pass


class Trainer:
    @tf.function
    def traced(self, images, labels):
        return images + labels

    def step(self, images, labels):
        pass


@pytest.mark.parametrize(
    ("step", "args", "kwargs", "keys"),
    [
        (two, (A, B), {}, ["images", "labels"]),
        (two, (A,), {"labels": B}, ["images", "labels"]),
        (two, ([A, B], C), {}, ["images/0", "images/1", "labels"]),
        (two, ({"left": A, "right": B}, C), {}, ["images/left", "images/right", "labels"]),
        (one, (A,), {}, ["batch"]),
        (one, ((A, B),), {}, ["0", "1"]),
        (one, ({"left": A, "right": B},), {}, ["left", "right"]),
        (taken_apart, ((A, B),), {}, ["images", "labels"]),
        (taken_apart, ({"images": A, "truth": B},), {}, ["images", "truth"]),
        (taken_apart, (((A, B), C),), {}, ["images/0", "images/1", "labels"]),
        (taken_apart_twice, ((A, B), C), {}, ["batch/0", "batch/1", "images"]),
        (inputs_taken_apart, (((A, B), C),), {}, ["0/0", "0/1", "1"]),
        (as_keras_does, ((A, B),), {}, ["x", "y"]),
        (any_number, (A, B), {"scale": C}, ["batches/0", "batches/1", "scale"]),
        (tf.function(two), (A, B), {}, ["images", "labels"]),
        (Trainer().step, (A, B), {}, ["images", "labels"]),
        (Trainer().traced, (A, B), {}, ["images", "labels"]),
        (partial(two, labels=B), (A,), {}, ["images"]),
        (getattr, (A, B), {}, ["0", "1"]),
        (lambda x, *rest: None, (A, B, C), {}, ["x", "rest/0", "rest/1"]),
    ],
)
def test_keys(step, args, kwargs, keys) -> None:
    given = arguments_by_name(step, args, kwargs)
    arrays = given_arrays(given)
    assert list(arrays) == keys
    moved = replaced_arrays(given, {key: value + 10 for key, value in arrays.items()})
    for old, new in zip(tf.nest.flatten([*args, *kwargs.values()]), tf.nest.flatten(moved), strict=True):
        assert np.array_equal(new, old + 10)


def test_too_many_arguments_are_left_to_the_step_to_refuse() -> None:
    assert list(given_arrays(arguments_by_name(two, (A, B, C), {}))) == ["0", "1", "2"]
