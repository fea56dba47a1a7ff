"""Files and folders that people have in a model's place, and what to do with each; told without reading them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = (".npz", ".npy", ".csv", ".parquet")
"""Endings of files that are read as samples."""
MODELS = (".keras", ".h5", ".hdf5")
"""Endings of files that hold a model."""
PICKLES = (".pkl", ".pickle", ".joblib")
PICKLE = "is a pickle, which runs code when it is read, and is never loaded"
SAVE = "save the whole model with model.save('model.keras')"
_WEIGHTS = "holds weights without the model they belong to; build the model, load them into it, and check it in Python"
_OTHER = "only the Keras model that it was made from has gradients to look at"
SUFFIXES = {
    ".onnx": f"is an ONNX file: a graph for inference; {_OTHER}",
    ".tflite": f"is a TensorFlow Lite file: a graph for inference; {_OTHER}",
    ".safetensors": _WEIGHTS,
    ".ckpt": f"is a checkpoint: it {_WEIGHTS}",
    ".index": f"is part of a checkpoint: it {_WEIGHTS}",
    ".pb": "is a graph without its variables; name the model that it was exported from, "
    "and save that with model.save('model.keras')",
    ".pt": "is a PyTorch file; gradlint checks Keras models on TensorFlow",
    ".pth": "is a PyTorch file; gradlint checks Keras models on TensorFlow",
    **dict.fromkeys(PICKLES, f"{PICKLE}; {SAVE}"),
    ".json": "is a configuration without weights; build the model by keras.models.model_from_json and check that",
    **dict.fromkeys(SAMPLES, "is a sample: the model comes first, then the sample"),
}


_PART = re.compile(r"\.data-\d{5}-of-\d{5}$")


def said_of_model(path: Path) -> str:
    """What to say of a path that is no model file; empty where nothing is known of its kind."""
    if path.is_dir():
        return _folder(path)
    if not path.exists():  # TensorFlow calls a checkpoint by what the names of its files begin with
        return SUFFIXES[".ckpt"] if path.with_name(f"{path.name}.index").is_file() else ""
    if path.name.endswith(".weights.h5"):
        return f"{_WEIGHTS} (model.load_weights)"
    if _PART.search(path.name):
        return SUFFIXES[".index"]
    return SUFFIXES.get(path.suffix.lower(), "")


def is_saved_model(path: Path) -> bool:
    """True for the folder of a SavedModel."""
    return (path / "saved_model.pb").is_file()


def _folder(path: Path) -> str:
    if is_saved_model(path):
        kind = "a SavedModel of Keras 2" if (path / "keras_metadata.pb").is_file() else "a SavedModel"
        return (
            f"is {kind}: traced functions without layers, lines and a loss, which run what is in them. Better check "
            "the model that was exported, from its .keras file or live; --trust-model checks the functions"
        )
    if (path / "dataset_spec.pb").is_file():
        return SUFFIXES[".npz"]
    if (path / "checkpoint").is_file() or any(path.glob("*.index")):
        return f"is the folder of a checkpoint: it {_WEIGHTS}"
    if (path / "config.json").is_file() and any(path.glob("*.safetensors")):
        return "is a folder of Hugging Face's transformers; build the model in Python and check it there"
    if (path / "config.json").is_file() and (path / "metadata.json").is_file():
        return "is an unpacked .keras archive or a preset; load it in Python and check the live model"
    return ""
