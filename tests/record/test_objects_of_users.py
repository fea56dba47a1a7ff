from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from gradlint.record.source import is_of_user


class Holder:
    def method(self):
        """Nothing."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Holder(), True),
        (sys.modules[__name__], True),
        (Holder, False),
        (Holder.method, False),
        (is_of_user, False),
        (np, False),
        (tf, False),
        (sys, False),
        (keras.layers.Dense(1), False),
        ({"a": 1}, False),
        (3, False),
    ],
    ids=[
        "object",
        "own module",
        "class",
        "method",
        "function",
        "numpy",
        "tensorflow",
        "sys",
        "layer",
        "dict",
        "number",
    ],
)
def test_libraries_are_not_looked_into(value, expected):
    assert is_of_user(value) is expected
