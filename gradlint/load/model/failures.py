"""What is told when the user's code fails, or Keras cannot build what a file describes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gradlint.errors import ModelFileError, UnsafeModelError
from gradlint.load.content import Kind, UnsafeContent
from gradlint.load.trust import is_of_keras_2, of_keras_2, unknown_class_error
from gradlint.upstream.raised import blame, first_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def load_error(file: Path, error: Exception, unknown: Sequence[UnsafeContent], version: str = "") -> ModelFileError:
    """What Keras could not do with a file, in one sentence.

    Args:
        file: the model.
        error: what Keras has raised.
        unknown: classes that nobody provides; with trust, they were left to Keras.
        version: of the Keras that wrote the file, when it says.
    """
    text = str(error)
    missing = [content for content in unknown if content.kind is Kind.UNKNOWN]
    if missing and ("Could not locate" in text or "Unknown" in text or "cannot be imported" in text):
        return unknown_class_error(file, missing, version)
    if "safe_mode" in text or "unsafe_deserialization" in text:
        return UnsafeModelError(f"{file}: {first_words(error)}; pass --trust-model if you trust it")
    if re.search(r"could not be loaded|variables? during loading|[Ll]ayer count mismatch|shape mismatch", text):
        old = f"; {of_keras_2(file, version)}" if is_of_keras_2(version) else ""
        return ModelFileError(f"{file}: the weights do not fit the model: {first_words(error)}{old}")
    if not file.is_file():
        return ModelFileError(f"{file} has vanished while it was read")
    if is_of_keras_2(version):
        return ModelFileError(f"{file}: Keras could not build the model ({blame(error)}); {of_keras_2(file, version)}")
    return ModelFileError(f"{file}: Keras could not build the model: {blame(error)}{_other_version(version)}")


def _other_version(version: str) -> str:
    """`; the file was written by Keras 4.0.0, newer than 3.15.1`, when that may be the reason."""
    import keras

    def numbers(text: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d{1,9}", text)[:2]]

    if not version or numbers(version) == numbers(keras.__version__):
        return ""
    age = "newer" if numbers(version) > numbers(keras.__version__) else "older"
    return f"; the file was written by Keras {version}, {age} than the installed {keras.__version__}"
