"""How Python code takes values out of TensorFlow, where no tape follows: by methods, by functions, by libraries."""

from __future__ import annotations

from typing import Final

METHODS: Final = frozenset({"numpy", "item", "tolist", "__float__", "__array__", "get_weights"})
"""Of a tensor, a variable or a model."""

FUNCTIONS: Final = frozenset(
    {
        "tensorflow.numpy_function",
        "tensorflow.make_ndarray",
        "keras.backend.get_value",
        "keras.backend.batch_get_value",
        "keras.backend.convert_to_numpy",
        "keras.backend.eval",
        "keras.ops.convert_to_numpy",
    }
)
"""Of TensorFlow and Keras, by their dotted names."""

NUMBERS: Final = frozenset({"float", "int", "bool", "round", "complex"})
"""What Python itself makes numbers with."""

LIBRARIES: Final = ("numpy", "scipy", "math", "sklearn", "cv2", "skimage")
"""Modules that compute with NumPy or with Python's own numbers."""

ALIASES: Final = frozenset({"np", "onp", "npy"})
"""What people import NumPy as, where only a line of their code is at hand."""
