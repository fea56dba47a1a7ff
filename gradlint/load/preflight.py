"""Reads what a model file and a sample say of themselves, without TensorFlow and without running anything.

Archives are read in place and never unpacked over the file system. Everything here answers in a fraction
of a second, whatever the size of the weights.
"""

from __future__ import annotations

import json
import math
import os
import stat
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from gradlint.errors import GradlintError, ModelFileError, SampleError, UnsafeModelError
from gradlint.load.content import IMPORT, TRUST, Kind, UnsafeContent, unsafe_contents
from gradlint.load.spec import ArraySpec, ModelSpec, quoted, spec_from_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import h5py
    import numpy as np

__all__ = ["UnsafeContent", "read_array_specs", "read_spec", "refuse_unsafe", "require_file"]

CONFIG_BYTES = 64 * 2**20
"""A configuration describes layers; the largest seen, with constants of 10^6 numbers in it, has 20 MB."""
CONFIG_DEPTH = 200
"""Each nested model adds some eight levels. Python's own parser gives up at about 1,000."""
EXPANSION = 200
"""Zeros shrink a thousandfold when compressed, real data not tenfold. Counts beyond `EXPANDED_BYTES` only."""
EXPANDED_BYTES = 2**30
ZIP_MAGIC, HDF5_MAGIC = b"PK", b"\x89HDF\r\n\x1a\n"
HEADER_BYTES = 10_000
"""NumPy's own limit on the header of an array, beyond which parsing it is not safe."""


def read_spec(path: str | os.PathLike[str]) -> tuple[ModelSpec, tuple[UnsafeContent, ...]]:
    """Reads what a `.keras` or legacy `.h5` file says of its model.

    Args:
        path: the model file.

    Returns:
        The model's inputs, layers and loss, and what in the file is not Keras's own.

    Raises:
        ModelFileError: the file is missing, broken, or no Keras model.
        UnsafeModelError: the archive itself is malicious (names outside of it, links, bombs).
    """
    file = require_file(path, ModelFileError, "a model")
    with file.open("rb") as stream:
        magic = stream.read(8)
    if magic.startswith(ZIP_MAGIC):
        config, version = _keras_config(file)
    elif magic == HDF5_MAGIC:
        config, version = _hdf5_config(file)
    else:
        raise ModelFileError(
            f"{file} is neither a zip archive (.keras) nor an HDF5 file (.h5); "
            "save the model with model.save('model.keras')"
        )
    return spec_from_config(config, version), unsafe_contents(config)


def refuse_unsafe(path: object, contents: Sequence[UnsafeContent], *, trust: bool, has_imports: bool) -> None:
    """Raises for content that must not, or cannot, be loaded.

    Unknown classes pass when `has_imports`: only the imported modules can tell, at load.

    Args:
        path: names the model in the message.
        contents: what `read_spec` found.
        trust: the user trusts the file (`--trust-model`).
        has_imports: the user's own modules are, or will be, imported.

    Raises:
        UnsafeModelError: the file carries code or paths.
        ModelFileError: the file needs classes that nobody provides.
    """
    stored = [content for content in contents if content.kind is not Kind.UNKNOWN]
    if stored and not trust:
        more = f", and {len(stored) - 1} more like it" if len(stored) > 1 else ""
        raise UnsafeModelError(
            f"{path}: {stored[0]}{more}. Nothing from a file runs unasked; "
            f"pass {TRUST} if you trust where it comes from"
        )
    unknown = [content for content in contents if content.kind is Kind.UNKNOWN]
    if unknown and not has_imports:
        raise unknown_class_error(path, unknown)


def unknown_class_error(path: object, unknown: Sequence[UnsafeContent]) -> ModelFileError:
    """The error for classes and functions that nobody provides, with the import that would help."""
    first = unknown[0]
    names = dict.fromkeys(content.registered_name for content in unknown)
    others = [name for name in names if name != first.registered_name]
    package = first.module.split(".")[0]
    if package in KERAS_PROVIDERS:
        advice = f"install {KERAS_PROVIDERS[package]} and pass {IMPORT} {package}"
    elif package in sys.stdlib_module_names - {"builtins", "__main__"}:
        advice = f"no layer comes from Python's own module {package!r}: do not trust this file"
    elif package not in ("builtins", "keras") and first.module.replace(".", "").isidentifier():
        advice = f"pass {IMPORT} {first.module} (or the .py file that defines it)"
    elif package == "keras":
        advice = "the installed Keras has no such modelling class; upgrade Keras, or do not trust the file"
    else:
        advice = f"pass {IMPORT} your_module.py, which defines and registers it"
    also = f"; it also needs {quoted(others)}" if others else ""
    return ModelFileError(f"{path}: {first}; {advice}{also}")


KERAS_PROVIDERS = {"keras_hub": "keras-hub", "keras_nlp": "keras-nlp", "keras_cv": "keras-cv"}


def require_file(path: str | os.PathLike[str], error: type[GradlintError], what: str) -> Path:
    """The path, once it is known to be a regular file that can be read.

    Raises:
        GradlintError: of the class `error`, saying what stands in the way.
    """
    file = Path(path)
    try:
        mode = file.stat().st_mode
    except FileNotFoundError as cause:
        link = " (it is a link to a file that does not exist)" if file.is_symlink() else ""
        raise error(f"{file} does not exist{link}") from cause
    except (OSError, ValueError) as cause:  # no permission, a loop of links, a NUL in the name
        raise error(f"{file} cannot be read: {getattr(cause, 'strerror', None) or cause}") from cause
    if stat.S_ISDIR(mode):
        raise error(f"{file} is a directory, not {what}")
    if not stat.S_ISREG(mode):  # reading a FIFO or a device would hang
        raise error(f"{file} is not a regular file")
    if not os.access(file, os.R_OK):
        raise error(f"{file} cannot be read: permission denied")
    if file.stat().st_size == 0:
        raise error(f"{file} is empty")
    return file


def read_array_specs(path: str | os.PathLike[str]) -> tuple[ArraySpec, ...]:
    """Reads keys, shapes and dtypes of an `.npz` file from the headers, without loading an array.

    Raises:
        SampleError: the file is broken, or holds what is no array of numbers, booleans or text.
    """
    file = require_file(path, SampleError, "a sample")
    specs: list[ArraySpec] = []
    with _archive(file, SampleError, "an .npz archive; save the sample with numpy.savez") as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if key == info.filename:
                raise SampleError(f"{file} holds {info.filename!r}, which is not an array")
            with _member(file, archive, info, SampleError) as stream:
                specs.append(_array_header(file, key, info.file_size, stream))
            refuse_empty(specs[-1])
    if not specs:
        raise SampleError(f"{file} holds no arrays")
    return tuple(specs)


def _array_header(file: Path, key: str, size: int, stream: IO[bytes]) -> ArraySpec:
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:  # version 3 exists for structures with non-ASCII field names only
            raise SampleError(f"{file}: {key!r} is a structured array; save each field under its own key")
        shape, _, dtype = read(stream, max_header_size=HEADER_BYTES)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error, SyntaxError, TypeError) as error:
        raise SampleError(f"{file}: the header of {key!r} is broken: {error}") from error
    if dtype.hasobject:
        raise SampleError(
            f"{file}: {key!r} holds pickled Python objects, which are never loaded; "
            "convert it to numbers or text before saving, such as array.astype('float32') or .astype(str)"
        )
    _refuse_other_dtypes(file, key, dtype)
    promised = math.prod(shape) * dtype.itemsize
    held = size - stream.tell()
    if promised != held or any(length < 0 for length in shape):
        raise SampleError(
            f"{file}: the header of {key!r} promises {promised:,} bytes {shape}, but the file holds {held:,}"
        )
    return ArraySpec(key, tuple(shape), dtype_name(dtype))


def _refuse_other_dtypes(file: Path, key: str, dtype: np.dtype[np.generic]) -> None:
    if dtype.names is not None:
        raise SampleError(
            f"{file}: {key!r} is a structured array with the fields {quoted(dtype.names)}; "
            "save each field under its own key"
        )
    if dtype.kind not in "biufcSU":
        raise SampleError(f"{file}: {key!r} has dtype {dtype}; give numbers, booleans or text")


def refuse_empty(spec: ArraySpec) -> None:
    """Raises SampleError for an array without elements: nothing could be said of its gradient."""
    if 0 in spec.shape:
        raise SampleError(
            f"the sample's {spec.key!r} has shape {spec.shape}, which holds no element; "
            "give at least one example with every axis at least 1"
        )


def dtype_name(dtype: np.dtype[np.generic]) -> str:
    """NumPy's name of a dtype; text of any width is `string`, as in Keras."""
    return "string" if dtype.kind in "SUT" else str(dtype.name)


def _keras_config(file: Path) -> tuple[Mapping[str, object], str]:
    with _archive(file, ModelFileError, "a .keras archive") as archive:
        names = archive.namelist()
        if "config.json" not in names:
            raise ModelFileError(f"{file} is a zip archive without config.json, so it is not a .keras model")
        if not {"model.weights.h5", "model.weights.npz"} & set(names):
            raise ModelFileError(f"{file} has no weights: model.weights.h5 is missing from the archive")
        config = _json(file, "config.json", _text(file, archive, "config.json"))
        metadata: Mapping[str, object] = {}
        if "metadata.json" in names:
            metadata = _json(file, "metadata.json", _text(file, archive, "metadata.json"))
    return config, str(metadata.get("keras_version") or "")


def _hdf5_config(file: Path) -> tuple[Mapping[str, object], str]:
    import h5py

    try:
        with h5py.File(file, "r") as store:
            if "model_config" not in store.attrs:
                what = "weights only" if "layer_names" in store.attrs or "layers" in store else "no model"
                raise ModelFileError(
                    f"{file} holds {what}: it has no model_config; save the whole model with model.save(...)"
                )
            config = dict(_json(file, "model_config", _attribute(store, "model_config")))
            if "training_config" in store.attrs:
                config["compile_config"] = _json(file, "training_config", _attribute(store, "training_config"))
            for name in _outside_links(store):
                raise UnsafeModelError(f"{file}: {name!r} points outside of the file")
            return config, _attribute(store, "keras_version") if "keras_version" in store.attrs else ""
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise ModelFileError(f"{file} is not a readable HDF5 file: {error}") from error


def _attribute(store: h5py.File, name: str) -> str:
    value = store.attrs[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _outside_links(store: h5py.File) -> Iterator[str]:
    """Yields the names of HDF5 links, virtual and external data sets that would read other files."""
    import h5py

    pending, seen = [("", store)], set()
    while pending:
        path, group = pending.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                yield f"{path}/{name}"
                continue
            item = group.get(name)
            if isinstance(item, h5py.Group) and item.id not in seen:  # hard links can form a loop
                seen.add(item.id)
                pending.append((f"{path}/{name}", item))
            elif isinstance(item, h5py.Dataset) and (item.is_virtual or item.external):
                yield f"{path}/{name}"


def _archive(file: Path, error: type[GradlintError], what: str) -> zipfile.ZipFile:
    """The opened archive, once the names in it are known to be harmless."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as cause:
        raise error(f"{file} is not {what}: {cause}") from cause
    refused = UnsafeModelError if error is ModelFileError else error
    try:
        seen: set[str] = set()
        for info in archive.infolist():
            name = info.filename
            parts = PurePosixPath(name.replace("\\", "/")).parts
            kind = stat.S_IFMT(info.external_attr >> 16)
            outside = ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":"
            if outside and error is ModelFileError:  # Keras unpacks assets; a sample's names are only keys
                raise refused(f"{file}: the archive's member {name!r} points outside of it")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refused(f"{file}: the archive's member {name!r} is a link or a device")
            if name in seen:
                raise refused(f"{file}: the archive has two members called {name!r}")
            seen.add(name)
            if info.flag_bits & 1:
                raise error(f"{file}: the archive's member {name!r} is encrypted")
            if info.file_size > EXPANDED_BYTES and info.file_size > EXPANSION * max(info.compress_size, 1):
                raise refused(
                    f"{file}: the archive's member {name!r} claims {info.file_size:,} bytes "
                    f"in {info.compress_size:,} compressed ones"
                )
    except BaseException:
        archive.close()
        raise
    return archive


def _member(file: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, error: type[GradlintError]) -> IO[bytes]:
    try:
        return archive.open(info)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as cause:
        raise error(f"{file}: the archive's member {info.filename!r} is broken: {cause}") from cause


def _text(file: Path, archive: zipfile.ZipFile, name: str) -> str:
    with _member(file, archive, archive.getinfo(name), ModelFileError) as stream:
        try:
            data = stream.read(CONFIG_BYTES + 1)  # the declared size is the file's word, not a fact
        except (zipfile.BadZipFile, OSError, ValueError, EOFError, zlib.error) as cause:
            raise ModelFileError(f"{file}: {name} is broken: {cause}") from cause
    if len(data) > CONFIG_BYTES:
        raise UnsafeModelError(f"{file}: {name} is larger than {CONFIG_BYTES:,} bytes")
    return data.decode("utf-8", "replace")


def _json(file: Path, name: str, text: str) -> Mapping[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as cause:
        what = "is nested too deeply" if isinstance(cause, RecursionError) else f"is not JSON: {cause}"
        raise ModelFileError(f"{file}: {name} {what}") from cause
    if not isinstance(value, dict):
        raise ModelFileError(f"{file}: {name} is not a JSON object")
    level: list[object] = [value]
    for _ in range(CONFIG_DEPTH):
        level = [
            inner
            for part in level
            if isinstance(part, (dict, list))
            for inner in (part.values() if isinstance(part, dict) else part)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return value
    raise ModelFileError(f"{file}: {name} is nested more than {CONFIG_DEPTH} levels deep")
