"""Dotted names: which library function a name stands for, under whatever alias it was imported."""

from __future__ import annotations

import builtins
import re
from functools import lru_cache

from gradlint.departures import LIBRARIES


def words(text: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(text.split())


BUILTINS = frozenset(dir(builtins))

# One library under several names; what a rule asks is always the last of them.
_CANONICAL = (
    (re.compile(r"^tensorflow\.(compat\.v2|_api\.v2|python\.eager\.backprop)(?=\.|$)"), "tensorflow"),
    (re.compile(r"^tensorflow\.python\.(eager|ops|framework)\.\w+(?=\.)"), "tensorflow"),
    (re.compile(r"^tensorflow\.(?=(optimizers|losses|metrics|regularizers)\.[A-Z])"), "keras."),
    (re.compile(r"^(tensorflow\.keras|tensorflow\.python\.keras|tf_keras|keras\.api|keras\.src)(?=\.|$)"), "keras"),
    (re.compile(r"^keras\.(_tf_keras|models|engine\.training)(\.keras)?(?=\.Model$|\.Sequential$|$)"), "keras"),
    (re.compile(r"^keras\.(engine\.base_layer|layers)(?=\.Layer$)"), "keras"),
    (re.compile(r"^keras\.layers\.(core|convolutional|recurrent|normalization)(?=\.)"), "keras.layers"),
    (re.compile(r"^keras\.optimizers\.(legacy|schedules|experimental)(?=\.(?!Exponential|Cosine|Poly|Piece|Inverse|Learn))"),
     "keras.optimizers"),
)  # fmt: skip


@lru_cache(maxsize=8192)
def canonical(name: str) -> str:
    """The name under which the rules know it: `tensorflow.compat.v2.keras.Model` is `keras.Model`."""
    if name.startswith(("tensorflow", "tf_keras", "keras")):
        for pattern, other in _CANONICAL:
            name = pattern.sub(other, name)
    return name


def is_tensorflow(name: str) -> bool:
    """Whether it is TensorFlow's, and not of its first version."""
    return name.startswith("tensorflow.") and not name.startswith("tensorflow.compat.v1")


_COMPUTING = tuple(f"{library}." for library in LIBRARIES)


def is_numpy(name: str) -> bool:
    """Whether it computes with NumPy or plain Python."""
    return name.startswith(_COMPUTING)


def is_library(name: str) -> bool:
    """Whether it is a function of a library that knows nothing of the file's models."""
    return is_tensorflow(name) or is_numpy(name) or name.startswith(("keras.", "builtins.", "tensorflow_probability."))


def last(name: str) -> str:
    """The last part of a dotted name."""
    return name.rpartition(".")[2]


VARIABLE_LISTS = frozenset(
    {
        "trainable_variables",
        "trainable_weights",
        "variables",
        "weights",
        "non_trainable_variables",
        "non_trainable_weights",
    }
)
MODEL_ATTRIBUTES = VARIABLE_LISTS | {
    "trainable",
    "layers",
    "get_layer",
    "load_weights",
    "save_weights",
    "compile",
    "fit",
}
"""What tells that an object is a model."""
