"""The words in which a recording speaks, for those who read none: a check on paper does without its records."""

from __future__ import annotations

from enum import Enum


class Local(str, Enum):
    """What an operation's own gradient function hands to one of its inputs."""

    UNASKED = "unasked"
    PASSES = "passes"
    ZERO = "zero"
    NONE = "none"
    NONFINITE = "non-finite"
    UNREGISTERED = "unregistered"
    """The registry has no entry for the operation type: the tape raises LookupError."""
    RAISES = "raises"


class Region(str, Enum):
    """Which part of a training step an operation belongs to."""

    MODEL = "model"
    LOSS = "loss"
    UPDATE = "update"
    """What an optimizer runs while no tape is open: what it writes is a value to start from, not a part of a loss."""


class Omission(str, Enum):
    """Why a step of the user's own does not train a variable that a loss of the step depends on."""

    UNASKED = "unasked"
    """The tape has a gradient, and nobody asks for it."""
    RESTING = "resting"
    """Nobody asks for a gradient, and something says that this is meant."""


class TargetKind(str, Enum):
    """What a tape is asked to differentiate."""

    TENSOR = "tensor"
    INTEGER = "integer"
    PYTHON = "Python number"
    NUMPY = "NumPy array"


OPAQUE = ("resource", "variant")
"""Dtypes of handles: the variables and lists of tensors behind them may carry gradients."""

BINARY = frozenset({"binary_crossentropy", "binary_focal_crossentropy"})
CATEGORICAL = frozenset({"categorical_crossentropy", "categorical_focal_crossentropy"})
SPARSE = "sparse_categorical_crossentropy"
CTC = "ctc"


def is_float(dtype: str) -> bool:
    """Whether tensors of this dtype can carry a gradient."""
    return dtype.startswith(("float", "bfloat", "complex"))
