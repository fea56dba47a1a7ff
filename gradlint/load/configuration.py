"""The configuration in a model file (`.keras` or legacy `.h5`), and what the file says of its weights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gradlint.errors import GradlintError, ModelFileError, UnsafeModelError
from gradlint.load.archive import AGAIN, open_archive, open_member
from gradlint.load.files import HDF5_MAGIC, ZIP_MAGIC, first_bytes, require_file
from gradlint.load.limits import DEFAULT_LIMITS, Limits, size_text
from gradlint.load.weights import Texts, Weights, read_member_weights, read_weights

if TYPE_CHECKING:
    import os
    import zipfile
    from collections.abc import Mapping
    from pathlib import Path

    import h5py


METADATA_BYTES = 2**20
BYTES_PER_CONTAINER = 32
"""Bytes of JSON for each list or object: an empty one is two bytes in the file and over sixty in memory."""
WEIGHTS = ("model.weights.h5", "model.weights.npz")


def read_config(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> dict[str, object]:
    """Reads the configuration in a model file; the weights may be missing.

    Raises:
        ModelFileError: as `read_spec`.
        UnsafeModelError: as `read_spec`.
    """
    return dict(config_and_weights(require_file(path, ModelFileError, "a model"), limits, False)[0])


def config_and_weights(file: Path, limits: Limits, weights: bool) -> tuple[Mapping[str, object], str, Weights | None]:
    """The configuration, the version that wrote it, and the weights: None when they are pickled, or not asked for."""
    magic = first_bytes(file, ModelFileError)
    if magic.startswith(ZIP_MAGIC):
        found = _keras_config(file, limits, weights)
    elif magic == HDF5_MAGIC:
        found = _hdf5_config(file, limits, weights)
    else:
        raise ModelFileError(
            f"{file} is neither a zip archive (.keras) nor an HDF5 file (.h5); "
            "save the model with model.save('model.keras')"
        )
    config = found[0]
    if not isinstance(config.get("class_name"), str) or not isinstance(config.get("config"), (dict, list)):
        raise ModelFileError(f"{file}: its configuration describes no Keras model: it has no class_name and config")
    return found


def _keras_config(file: Path, limits: Limits, with_weights: bool) -> tuple[Mapping[str, object], str, Weights | None]:
    """The configuration, the version that wrote it, and the weights: None when they are pickled, or not asked for."""
    with open_archive(file, ModelFileError, "a .keras archive", limits) as archive:
        names = archive.namelist()
        if "config.json" not in names:
            raise ModelFileError(f"{file} is a zip archive without config.json, so it is not a .keras model")
        if with_weights and not set(WEIGHTS) & set(names):
            raise ModelFileError(f"{file} has no weights: model.weights.h5 is missing from the archive")
        config = _json(file, "config.json", _text(file, archive, "config.json", limits.config), limits)
        metadata: Mapping[str, object] = {}
        if "metadata.json" in names:
            metadata = _json(file, "metadata.json", _text(file, archive, "metadata.json", METADATA_BYTES), limits)
        held = with_weights and WEIGHTS[0] in names
        weights = read_member_weights(file, archive, WEIGHTS[0], limits) if held else None
    version = metadata.get("keras_version")
    return config, version[:40] if isinstance(version, str) else "", weights


def _hdf5_config(file: Path, limits: Limits, with_weights: bool) -> tuple[Mapping[str, object], str, Weights | None]:
    import h5py

    try:
        with file.open("rb") as stream, h5py.File(file, "r") as store:
            texts = Texts(f"{file} ", stream, store, limits)
            if "model_config" not in store.attrs:
                what = "weights only" if "layer_names" in store.attrs or "layers" in store else "no model"
                raise ModelFileError(
                    f"{file} holds {what}: it has no model_config; save the whole model with model.save(...)"
                )
            texts.refuse_hostile("/", h5py.h5g.open(store.id, b"/"))
            config = dict(_json(file, "model_config", _attribute(file, store, "model_config", limits), limits))
            if "training_config" in store.attrs:
                text = _attribute(file, store, "training_config", limits)
                compiled = dict(_json(file, "training_config", text, limits))
                compiled.pop("optimizer_config", None)  # never built; Keras 2 writes it under names of its own
                config["compile_config"] = compiled
            version = _attribute(file, store, "keras_version", limits)[:40] if "keras_version" in store.attrs else ""
            return config, version, read_weights(file, store, texts, limits) if with_weights else None
    except GradlintError:
        raise
    except Exception as error:  # whatever h5py makes of a broken file
        raise ModelFileError(f"{file} is not a readable HDF5 file: {error}") from error


def _attribute(file: Path, store: h5py.File, name: str, limits: Limits) -> str:
    size = store.attrs.get_id(name).get_storage_size()
    value = "" if size > limits.config else store.attrs[name]  # text of variable length says 16 bytes, for its address
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    if max(size, len(text)) > limits.config:
        raise _too_large(file, name, limits.config)
    return text


def _too_large(file: Path, name: str, most: int) -> UnsafeModelError:
    return UnsafeModelError(
        f"{file}: {name} is larger than {size_text(most)}; pass --limit config=SIZE if you trust the file"
    )


def _text(file: Path, archive: zipfile.ZipFile, name: str, most: int) -> str:
    with open_member(file, archive, archive.getinfo(name), ModelFileError) as stream:
        try:
            data = stream.read(most + 1)  # the declared size is the file's word, not a fact
        except Exception as cause:
            raise ModelFileError(f"{file}: {name} is broken: {cause}; {AGAIN}") from cause
    if len(data) > most:
        raise _too_large(file, name, most)
    try:
        # Nothing is replaced: Keras would read two keys where one replaces the other here.
        return data.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise ModelFileError(f"{file}: {name} is not JSON: it is not text in UTF-8") from cause


def _json(file: Path, name: str, text: str, limits: Limits) -> Mapping[str, object]:
    most = limits.depth
    if text.count("[") + text.count("{") > (containers := limits.config // BYTES_PER_CONTAINER):
        raise UnsafeModelError(
            f"{file}: {name} has more than {containers:,} lists and objects; "
            "pass --limit config=SIZE if you trust the file"
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as cause:
        what = "is nested too deeply" if isinstance(cause, RecursionError) else f"is not JSON: {cause}"
        raise ModelFileError(f"{file}: {name} {what}") from cause
    if not isinstance(value, dict):
        raise ModelFileError(f"{file}: {name} is not a JSON object")
    level: list[object] = [value]
    for _ in range(most):
        level = [
            inner
            for part in level
            if isinstance(part, (dict, list))
            for inner in (part.values() if isinstance(part, dict) else part)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return value
    raise ModelFileError(
        f"{file}: {name} is nested more than {most} levels deep; pass --limit depth=N if you trust the file"
    )
