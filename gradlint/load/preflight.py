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
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from gradlint.errors import GradlintError, ModelFileError, SampleError, UnsafeModelError
from gradlint.load.content import IMPORT, TRUST, Kind, UnsafeContent, unsafe_contents
from gradlint.load.kinds import said_of_model
from gradlint.load.limits import DEFAULT_LIMITS, LARGE, MOST_NAME, STEP_FACTOR, Limits, size_text
from gradlint.load.spec import ArraySpec, ModelSpec, quoted, serialized_objects, spec_from_config
from gradlint.load.weights import Texts, Weights, read_member_weights, read_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    import h5py
    import numpy as np

__all__ = ["UnsafeContent", "read_array_specs", "read_spec", "refuse_unsafe", "require_file"]

ZIP_MAGIC, HDF5_MAGIC = b"PK", b"\x89HDF\r\n\x1a\n"
HEADER_BYTES = 10_000
"""NumPy's own limit on the header of an array, beyond which parsing it is not safe."""
METADATA_BYTES = 2**20
BYTES_PER_CONTAINER = 32
"""Bytes of JSON for each list or object: an empty one is two bytes in the file and over sixty in memory."""
WEIGHTS = ("model.weights.h5", "model.weights.npz")
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What Keras and NumPy write. Python's readers of bz2 and LZMA expand more at once than they are asked for."""
CALLS_PER_ITEM = 10
"""Tensors that layers are called on, for each layer that is allowed."""


def read_spec(
    path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS, *, weights: bool = True
) -> tuple[ModelSpec, tuple[UnsafeContent, ...]]:
    """Reads what a `.keras` or legacy `.h5` file says of its model.

    Args:
        path: the model file.
        limits: what it may ask for.
        weights: they will be needed; else nobody looks whether they are there and how large they are.

    Returns:
        The model's inputs, layers and loss, and what in the file is not Keras's own.

    Raises:
        ModelFileError: the file is missing, broken, no Keras model, or larger than the limits.
        UnsafeModelError: the archive itself is malicious (names outside of it, links, bombs).
    """
    file = _model_file(path)
    config, version, held = _config(file, limits, weights)
    pickled: tuple[UnsafeContent, ...] = ()
    if weights and held is None:
        what = "weights as pickled Python objects (model.weights.npz)"
        pickled = (UnsafeContent("", Kind.CODE, what, TRUST, "model.weights.npz"),)
    refuse_hostile_names(file, config, limits)
    try:
        contents = (*unsafe_contents(config), *pickled)
        spec = spec_from_config(config, version)
    except RecursionError as error:  # only after --limit depth
        raise ModelFileError(f"{file}: the configuration is nested too deeply to be read") from error
    refuse_many_layers(file, spec, limits)
    if weights:
        refuse_oversized(file, least_weights(config), held, limits)
    return spec, contents


def _model_file(path: str | os.PathLike[str]) -> Path:
    """The file, unless its name already says that it is another kind of thing."""
    kind = Path(path)
    if (kind.is_dir() or kind.is_file()) and (said := said_of_model(kind)):
        raise ModelFileError(f"{kind} {said}")
    return require_file(path, ModelFileError, "a model")


def read_config(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> dict[str, object]:
    """Reads the configuration in a model file; the weights may be missing.

    Raises:
        ModelFileError: as `read_spec`.
        UnsafeModelError: as `read_spec`.
    """
    return dict(_config(require_file(path, ModelFileError, "a model"), limits, False)[0])


def _config(file: Path, limits: Limits, weights: bool) -> tuple[Mapping[str, object], str, Weights | None]:
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


def refuse_unsafe(
    path: object, contents: Sequence[UnsafeContent], *, trust: bool, has_imports: bool, version: str = ""
) -> None:
    """Raises for content that must not, or cannot, be loaded.

    Unknown classes pass when `has_imports`: only the imported modules can tell, at load.

    Args:
        path: names the model in the message.
        contents: what `read_spec` found.
        trust: the user trusts the file (`--trust-model`).
        has_imports: the user's own modules are, or will be, imported.
        version: of the Keras that wrote the file, when it says.

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
        raise unknown_class_error(path, unknown, version)


def unknown_class_error(path: object, unknown: Sequence[UnsafeContent], version: str = "") -> ModelFileError:
    """The error for classes and functions that nobody provides, with the import that would help."""
    first = unknown[0]
    names = dict.fromkeys(content.registered_name for content in unknown)
    others = [name for name in names if name != first.registered_name]
    package = first.module.split(".")[0]
    provider = _provider(first)
    if provider is not None:
        advice = f"install {provider[0]} and pass {IMPORT} {provider[1]}"
    elif package == "tf_keras" or (package == "keras" and is_of_keras_2(version)):
        advice = of_keras_2(path, version)
    elif package in sys.stdlib_module_names - {"builtins", "__main__"}:
        advice = f"no layer comes from Python's own module {package!r}: do not trust this file"
    elif package not in ("", "builtins", "keras") and first.module.replace(".", "").isidentifier():
        advice = f"pass {IMPORT} {first.module} (or the .py file that defines it)"
    elif package == "keras" and first.registered_name == first.name:
        written = f"the file was written by Keras {version}, but " if version else ""
        advice = f"{written}the installed Keras has no such modelling class; upgrade Keras, or do not trust the file"
    else:
        advice = f"pass {IMPORT} your_module.py, which defines and registers it"
    also = f"; it also needs {quoted(others)}" if others else ""
    return ModelFileError(f"{path}: {first}; {advice}{also}")


def is_of_keras_2(version: str) -> bool:
    """Whether the Keras of this version wrote a file in the formats of before 3.0."""
    return version.startswith(("1.", "2."))


def of_keras_2(path: object, version: str) -> str:
    """What to do with a file that Keras 3 cannot read because Keras 2 has written it."""
    return (
        f"the file was written by Keras {version or 2}, whose format Keras 3 does not read. Load it with tf_keras and "
        f"check the live model: gradlint.check(tf_keras.models.load_model({str(path)!r}), (x, y))"
    )


PROVIDERS = {
    "keras_hub": ("keras-hub", "keras_hub"),
    "keras_nlp": ("keras-hub", "keras_nlp"),
    "keras_cv": ("keras-cv", "keras_cv"),
    "keras_rs": ("keras-rs", "keras_rs"),
    "keras_tuner": ("keras-tuner", "keras_tuner"),
    "Addons": ("tensorflow-addons", "tensorflow_addons"),
    "tensorflow_addons": ("tensorflow-addons", "tensorflow_addons"),
    "tensorflow_hub": ("tensorflow-hub", "tensorflow_hub"),
    "tensorflow_probability": ("tensorflow-probability", "tensorflow_probability"),
    "tensorflow_recommenders": ("tensorflow-recommenders", "tensorflow_recommenders"),
    "tensorflow_ranking": ("tensorflow-ranking", "tensorflow_ranking"),
    "tensorflow_model_optimization": ("tensorflow-model-optimization", "tensorflow_model_optimization"),
    "TFMOT": ("tensorflow-model-optimization", "tensorflow_model_optimization"),
    "official": ("tf-models-official", "official"),
    "spektral": ("spektral", "spektral"),
    "tcn": ("keras-tcn", "tcn"),
    "qkeras": ("qkeras", "qkeras"),
    "larq": ("larq", "larq"),
    "transformers": ("transformers", "transformers"),
}
"""(distribution, module to import) by the package that a class is registered in, or that its module is in."""
PROVIDED_CLASSES = {
    "KerasLayer": "tensorflow_hub",
    "FixedDropout": "efficientnet",
    "TCN": "tcn",
    "QDense": "qkeras",
    "QConv2D": "qkeras",
    "QuantDense": "larq",
    "QuantConv2D": "larq",
    "PruneLowMagnitude": "TFMOT",
    "QuantizeWrapperV2": "TFMOT",
}
"""Packages by class name, for legacy files that name neither package nor module."""


def _provider(content: UnsafeContent) -> tuple[str, str] | None:
    registered = content.registered_name.partition(">")[0] if ">" in content.registered_name else ""
    for package in (content.module.split(".")[0], registered, registered.split(".")[0]):
        if package in PROVIDERS:
            return PROVIDERS[package]
    if not content.module and not registered and (package := PROVIDED_CLASSES.get(content.name, "")):
        return PROVIDERS.get(package, (package, package))
    return None


def least_weights(config: Mapping[str, object]) -> tuple[int, str]:
    """Bytes of weights that a configuration asks for at the least, and the layer that asks for most.

    Only what a layer's own numbers say is counted, and the width of its input where the file gives it.
    """
    total, most, largest = 0, 0, ""
    for layer, entry in serialized_objects(config):
        inner = entry.get("config")
        if not isinstance(inner, Mapping) or str(entry.get("module", "keras")).split(".")[0] != "keras":
            continue
        size = 4 * _least_parameters(str(entry["class_name"]), inner, _width(entry.get("build_config")))
        total += size
        if size > most:
            most, largest = size, layer
    return total, largest


def _least_parameters(name: str, config: Mapping[str, object], width: int) -> int:
    def number(key: str) -> int:
        value = config.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

    def product(key: str) -> int:
        value = config.get(key)
        parts = value if isinstance(value, (list, tuple)) else (value,)
        return math.prod(part for part in parts if isinstance(part, int) and part > 0)

    units = number("units")
    if name == "Dense":
        return units * width
    if name in ("Embedding", "ReversibleEmbedding"):
        return number("input_dim") * number("output_dim")
    if name in ("LSTM", "LSTMCell"):
        return 4 * units * (units + width)
    if name in ("GRU", "GRUCell"):
        return 3 * units * (units + width)
    if name in ("SimpleRNN", "SimpleRNNCell"):
        return units * (units + width)
    if name.startswith(("Conv", "SeparableConv")) and number("filters"):
        return number("filters") * (1 if name.startswith("Separable") else product("kernel_size"))
    if name in ("MultiHeadAttention", "GroupQueryAttention"):
        return number("num_heads") * number("key_dim") + number("num_query_heads") * number("head_dim")
    return 0


def _width(build_config: object) -> int:
    shape = build_config.get("input_shape") if isinstance(build_config, Mapping) else None
    last = shape[-1] if isinstance(shape, list) and shape else None
    return last if isinstance(last, int) and not isinstance(last, bool) and last > 0 else 1


UNEXPLAINED = 16
"""How many times the weights it holds a file may ask for: int4 weights take an eighth of what they stand for."""


def refuse_hostile_names(file: Path, config: Mapping[str, object], limits: Limits) -> None:
    """Raises for names that would be repeated beyond all measure: a long one before thousands of others, above all.

    Raises:
        UnsafeModelError: a path of names is too long, or there are too many layers, calls or inputs.
    """

    def refuse(number: int, what: str) -> UnsafeModelError:
        return UnsafeModelError(
            f"{file} has more than {number:,} {what}; pass --limit items=N to allow more, if you trust the file"
        )

    def refuse_long(length: int) -> None:
        if length > MOST_NAME:
            raise UnsafeModelError(
                f"{file}: the names on the way to a layer or an input have {length:,} characters together, more than "
                f"{MOST_NAME:,}"
            )

    layers = calls = 0
    for path, entry in serialized_objects(config):
        refuse_long(len(path))
        layers += "inbound_nodes" in entry
        calls += entry["class_name"] == "__keras_tensor__"
        if layers > limits.items:
            raise refuse(limits.items, "layers")
        if calls > CALLS_PER_ITEM * limits.items:
            raise refuse(CALLS_PER_ITEM * limits.items, "calls of layers")
    body, built = config.get("config"), config.get("build_config")
    own = [body.get(name) for name in ("input_layers", "output_layers")] if isinstance(body, Mapping) else []
    pending = [(0, part) for part in (*own, built.get("input_shape") if isinstance(built, Mapping) else None)]
    leaves = 0
    while pending:
        length, part = pending.pop()
        refuse_long(length)
        if isinstance(part, Mapping):
            pending += [(length + 1 + len(str(key)), inner) for key, inner in part.items()]
        elif isinstance(part, list):
            leaves += 1
            pending += [(length + 1, inner) for inner in part if isinstance(inner, (list, Mapping))]
        if leaves + len(pending) > CALLS_PER_ITEM * limits.items:
            raise refuse(CALLS_PER_ITEM * limits.items, "inputs and outputs")


def refuse_many_layers(file: Path, spec: ModelSpec, limits: Limits) -> None:
    """Raises ModelFileError for a model of more layers than are allowed."""
    if len(spec.layers) > limits.items:
        raise ModelFileError(
            f"{file} has {len(spec.layers):,} layers, more than the limit of {limits.items:,}; "
            f"pass --limit items={len(spec.layers)} to check it all the same"
        )


def refuse_oversized(file: Path, least: tuple[int, str], weights: Weights | None, limits: Limits) -> None:
    """Raises ModelFileError for a model that cannot be held, by what its file says."""
    asked, layer = least
    held = weights.size if weights is not None else asked
    if asked > LARGE and asked > UNEXPLAINED * max(held, 1):
        raise ModelFileError(
            f"{file}: its configuration asks for at least {size_text(asked)} of weights (most of them in {layer!r}), "
            f"but the file holds {size_text(held)}"
        )
    refuse_beyond_memory(f"{file}: its weights take at least", max(asked, held), limits)


def refuse_beyond_memory(what: str, size: int, limits: Limits, error: type[GradlintError] = ModelFileError) -> None:
    """Raises for something that does not fit into memory, with what helps.

    Args:
        what: start of the message, such as `m.keras: its weights take`.
        size: bytes.
        limits: what may be taken.
        error: class of the error.
    """
    if size <= LARGE and limits.memory is None:
        return
    room = limits.bytes
    if size * STEP_FACTOR > room:
        advice = "use --depth structure, or raise" if error is ModelFileError else "give fewer examples, or raise"
        raise error(
            f"{what} {size_text(size)}, and a check needs {STEP_FACTOR} times that, more than the "
            f"{size_text(room)} {'available' if limits.memory is None else 'allowed'}; {advice} --limit memory=SIZE"
        )


def require_file(path: str | os.PathLike[str], error: type[GradlintError], what: str) -> Path:
    """The path, once it is known to be a regular file that can be read.

    Raises:
        GradlintError: of the class `error`, saying what stands in the way.
    """
    file = Path(path)
    try:
        found = file.stat()
    except FileNotFoundError as cause:
        link = " (it is a link to a file that does not exist)" if file.is_symlink() else ""
        raise error(f"{file} does not exist{link}") from cause
    except (OSError, ValueError) as cause:  # no permission, a loop of links, a NUL in the name
        raise error(f"{file} cannot be read: {getattr(cause, 'strerror', None) or cause}") from cause
    if stat.S_ISDIR(found.st_mode):
        raise error(f"{file} is a directory, not {what}")
    if not stat.S_ISREG(found.st_mode):  # reading a FIFO or a device would hang
        raise error(f"{file} is not a regular file")
    if not os.access(file, os.R_OK):
        raise error(f"{file} cannot be read: permission denied")
    if found.st_size == 0:
        raise error(f"{file} is empty")
    return file


def first_bytes(file: Path, error: type[GradlintError]) -> bytes:
    """The eight bytes that a file starts with, or fewer.

    Raises:
        GradlintError: of the class `error`, when it cannot be read any more.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(8)
    except OSError as cause:  # it has vanished, or the disk fails
        raise error(f"{file} cannot be read: {cause.strerror or cause}") from cause


def read_array_specs(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> tuple[ArraySpec, ...]:
    """Reads keys, shapes and dtypes of an `.npz` file from the headers, without loading an array.

    Raises:
        SampleError: the file is broken, or holds what is no array of numbers, booleans or text.
    """
    file = require_file(path, SampleError, "a sample")
    specs: list[ArraySpec] = []
    total = 0
    with _archive(file, SampleError, "an .npz archive; save the sample with numpy.savez", limits) as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if not info.filename.endswith(".npy"):
                raise SampleError(f"{file} holds {info.filename!r}, which is not an array")
            with _member(file, archive, info, SampleError) as stream:
                specs.append(_array_header(file, key, info.file_size, stream))
            refuse_empty(specs[-1])
            total += info.file_size
    if not specs:
        raise SampleError(f"{file} holds no arrays")
    refuse_beyond_memory(f"{file}: its arrays take", total, limits, SampleError)
    return tuple(specs)


def _array_header(file: Path, key: str, size: int, stream: IO[bytes]) -> ArraySpec:
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None and version != (3, 0):
            raise SampleError(f"{file}: {key!r} is in version {version[0]}.{version[1]} of the .npy format, not 1 or 2")
        if read is None:  # version 3 exists for structures with non-ASCII field names only
            raise SampleError(f"{file}: {key!r} is a structured array; save each field under its own key")
        shape, _, dtype = read(stream, max_header_size=HEADER_BYTES)
    except SampleError:
        raise
    except Exception as error:  # NumPy reads headers with Python's own parsers, which raise errors of many kinds
        reason = str(error).partition("\n")[0]  # for a long header, the rest is how to trust it with pickles
        raise SampleError(f"{file}: the header of {key!r} is broken: {reason}") from error
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
            f"{file}: the header of {key!r} promises {_exact(promised)} bytes {_shape_text(shape)}, "
            f"but the file holds {held:,}"
        )
    return ArraySpec(key, tuple(shape), dtype_name(dtype))


def _exact(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**18 else size_text(abs(number))  # Python refuses to print huge ones


def _shape_text(shape: tuple[int, ...]) -> str:
    shown = ", ".join(_exact(length) for length in shape[:8])
    return f"({shown}{', ...' if len(shape) > 8 else ',' * (len(shape) == 1)})"


def _refuse_other_dtypes(file: Path, key: str, dtype: np.dtype[np.generic]) -> None:
    if dtype.names is not None:
        raise SampleError(
            f"{file}: {key!r} is a structured array with the fields {quoted(dtype.names)}; "
            "save each field under its own key"
        )
    if dtype.kind not in "biufcSU":
        raise SampleError(f"{file}: {key!r} has dtype {dtype}; give numbers, booleans or text")
    if dtype.itemsize == 0:  # no byte in the file stands behind any number of them
        raise SampleError(f"{file}: {key!r} holds texts of no characters; give numbers, booleans or text")


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


def _keras_config(file: Path, limits: Limits, with_weights: bool) -> tuple[Mapping[str, object], str, Weights | None]:
    """The configuration, the version that wrote it, and the weights: None when they are pickled, or not asked for."""
    with _archive(file, ModelFileError, "a .keras archive", limits) as archive:
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
            texts.refuse_hostile("/", store)
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


def _archive(file: Path, error: type[GradlintError], what: str, limits: Limits) -> zipfile.ZipFile:
    """The opened archive, once the names in it are known to be harmless."""
    try:
        archive = zipfile.ZipFile(file)
    except Exception as cause:  # zipfile, on archives that make no sense: KeyError, struct.error, ...
        raise error(f"{file} is not {what}: {cause}") from cause
    refused = UnsafeModelError if error is ModelFileError else error
    try:
        seen: set[str] = set()
        members = archive.infolist()
        if len(members) > limits.items:
            raise refused(
                f"{file}: the archive has {len(members):,} members, more than the limit of {limits.items:,}; "
                f"pass --limit items={len(members)} if you trust the file"
            )
        for info in members:
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
            if info.compress_type not in COMPRESSIONS:
                raise refused(
                    f"{file}: the archive's member {name!r} is compressed by method {info.compress_type}; Keras and "
                    "NumPy store or deflate, and nothing else is read"
                )
            if info.flag_bits & 1:
                raise error(f"{file}: the archive's member {name!r} is encrypted")
            if info.file_size > LARGE and info.file_size > limits.ratio * max(info.compress_size, 1):
                raise refused(
                    f"{file}: the archive's member {name!r} claims {info.file_size:,} bytes "
                    f"in {info.compress_size:,} compressed ones; pass --limit ratio=N if you trust the file"
                )
        # Keras unpacks a model with assets into a temporary folder, and its weights into memory.
        expanded = sum(info.file_size for info in members)
        refuse_beyond_memory(f"{file}: expanded, the archive takes", expanded, limits, error)
    except BaseException:
        archive.close()
        raise
    return archive


def _member(file: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, error: type[GradlintError]) -> IO[bytes]:
    try:
        return archive.open(info)
    except Exception as cause:
        raise error(f"{file}: the archive's member {info.filename!r} is broken: {cause}") from cause


def _text(file: Path, archive: zipfile.ZipFile, name: str, most: int) -> str:
    with _member(file, archive, archive.getinfo(name), ModelFileError) as stream:
        try:
            data = stream.read(most + 1)  # the declared size is the file's word, not a fact
        except Exception as cause:
            raise ModelFileError(f"{file}: {name} is broken: {cause}") from cause
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
