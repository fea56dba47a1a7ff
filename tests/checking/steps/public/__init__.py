"""Training steps of public kinds, each right and with one defect: `kind(bad)` gives `(step, arguments, options)`.

`# <- CODE` marks the line that the defective one should be blamed for. Steps are written as tutorials write them.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

RANDOM = np.random.default_rng(7)


def f32(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def mlp(i, o, name, act="relu", units=16):
    return keras.Sequential([keras.Input((i,)), layers.Dense(units, act), layers.Dense(o)], name=name)
