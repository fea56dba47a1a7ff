"""What the cases share: numbers that are the same on every machine, seeds, and the two forms of a bug."""

import functools

import keras
import numpy as np


def generator(seed=0):
    return np.random.default_rng(seed)


def normal(*shape, seed=0, scale=1.0):
    """Normally distributed float32."""
    return (generator(seed).normal(size=shape) * scale).astype("float32")


def integers(high, *shape, lo=0, seed=0):
    """Whole numbers from `lo` to `high - 1`, int32."""
    return generator(seed).integers(lo, high, size=shape).astype("int32")


def seeded(build):
    """Give a model the same names and initial weights whenever it is built."""

    @functools.wraps(build)
    def wrapper():
        keras.backend.clear_session(free_memory=False)
        keras.utils.set_random_seed(1)
        return build()

    return wrapper


def twins(net):
    """The broken model `net(False)` and its repaired twin `net(True)`, as functions without parameters."""
    return seeded(functools.partial(net, False)), seeded(functools.partial(net, True))


class Twin(keras.layers.Layer):
    """A layer with a bug that `repaired` takes away."""

    def __init__(self, repaired=False, **options):
        super().__init__(**options)
        self.repaired = repaired

    def get_config(self):
        return {**super().get_config(), "repaired": self.repaired}
