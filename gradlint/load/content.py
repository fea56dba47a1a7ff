"""What a model file asks Keras to run: everything that is not Keras's own, by an allow-list.

Keras rebuilds a model by looking up the classes and functions that the file names. The allow-list is
what the installed Keras exports for modelling, read from its sources as text, so that neither Keras nor
TensorFlow is imported. Whatever is not on it is code from the file, or code the user must bring.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TypeGuard

from gradlint.load.serialized import CODE_LAYERS, serialized_objects
from gradlint.load.spec import LONGEST_QUOTED, quoted_name

TRUST = "--trust-model"
IMPORT = "--import"

MODELLING = frozenset(
    {
        "activations", "constraints", "distillation", "dtype_policies", "initializers", "layers", "losses",
        "metrics", "mixed_precision", "models", "ops", "optimizers", "quantizers", "random", "regularizers",
        "trainers",
    }
)  # fmt: skip
"""Rooms of Keras whose classes a model may be made of."""
DEFINING = MODELLING | {"applications"}
"""Rooms of `keras.src` whose own classes a model may be made of. What `keras.applications` exports is not
among them: those names look like classes and are functions that download weights, which Keras would hand to a
Lambda layer to call."""
SINGLE = frozenset({"FeatureSpace"})
"""Classes from rooms that otherwise hold none (`keras.utils`)."""
FUNCTIONS = frozenset(
    {
        "activations",
        "constraints",
        "initializers",
        "losses",
        "metrics",
        "ops",
        "quantizers",
        "random",
        "regularizers",
    }
)
"""Rooms of Keras whose functions a model may be made of. Elsewhere Keras exports functions that read files,
download, or load other models (`keras.utils.get_file`, `keras.models.load_model`)."""
NOT_MODELLING = frozenset({"get", "deserialize", "serialize"})
"""Functions of those rooms that build objects from descriptions, as Keras does itself while it loads."""
BUILTIN_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
"""Where Keras looks for a function whose module it wrote as `builtins`; optimizers are classes."""
DATA = frozenset(
    {
        "__keras_tensor__",
        "__tensor__",
        "__numpy__",
        "__bytes__",
        "__ellipsis__",
        "__slice__",
        "__tuple__",
        "TensorShape",
    }
)
"""Class names that stand for plain values; the last two in legacy files."""
FILE_ARGUMENTS = ("vocabulary", "vocabulary_file", "filepath", "idf_weights", "merges", "proto")
"""Arguments of preprocessing layers that are read as a file's path when they are text (CVE-2025-12058)."""
CONTENT_LENGTH = 2048
"""KerasHub takes a longer `proto` for the vocabulary itself."""
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
"""What Keras, KerasHub, TensorFlow Hub, TensorFlow's file systems and fsspec would fetch, by whatever scheme."""
LOCAL_PATH = re.compile(r"[/\\~]|\.\.?[/\\]|[A-Za-z]:[/\\]|.*[/\\]\.\.[/\\]", re.DOTALL)
"""How text starts that is certainly a path; a class that is not Keras's own may keep anything under such names."""
LONGEST_PATH = 4096
"""Characters; no file system has longer ones."""
KERAS_PACKAGES = frozenset({"keras_hub", "keras_nlp", "keras_cv"})
"""Packages of the Keras team, which Keras imports by itself when a file names them."""


class Kind(str, Enum):
    """What a piece of unsafe content is."""

    CODE = "code"
    """Python code, or another framework's model, stored in the file."""
    UNKNOWN = "unknown"
    """A class or function that Keras does not provide: harmless if the user imports it, missing otherwise."""
    FILE = "file"
    """A path that loading the model would read."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class UnsafeContent:
    """One thing in a model file that is not Keras's own.

    Attributes:
        layer: path of the layer that holds it; empty for the model itself and its loss.
        kind: what it is.
        detail: what a message says about it, such as `class 'Foo' (registered as 'zoo>Foo')`.
        flag: the option that lets it pass.
        name: class or function name, as the file has it.
        registered_name: the name under which Keras looks for it among registered objects.
        module: Python module the file names; empty when it names none.
    """

    layer: str
    kind: Kind
    detail: str
    flag: str
    name: str = ""
    registered_name: str = ""
    module: str = ""

    def __str__(self) -> str:
        where = f"layer {self.layer!r}" if self.layer else "the model"
        return f"{where} holds {self.detail}"


def unsafe_contents(config: Mapping[str, object]) -> tuple[UnsafeContent, ...]:
    """Finds everything in a model's configuration that is not Keras's own, each once, in file order.

    Args:
        config: what `config.json` holds; legacy configurations, which name no modules, are understood.
    """
    found: dict[UnsafeContent, None] = {}
    for layer, entry in serialized_objects(config):
        for content in _contents_of(layer, entry):
            found[content] = None
    return tuple(found)


def _contents_of(layer: str, entry: Mapping[str, object]) -> Iterator[UnsafeContent]:
    name, provided = str(entry["class_name"]), _is_provided(entry)
    arguments = _arguments(entry, provided)
    if name in DATA:
        return
    if name == "__lambda__":
        yield UnsafeContent(layer, Kind.CODE, "marshalled Python code (a lambda)", TRUST, name)
        return
    if name == "Lambda" and isinstance(arguments.get("function"), (str, list)):
        # Legacy files keep the code itself: base64 text, or [code, defaults, closure].
        yield UnsafeContent(layer, Kind.CODE, "marshalled Python code (a Lambda layer)", TRUST, name)
    elif name in CODE_LAYERS - {"Lambda"}:
        yield UnsafeContent(layer, Kind.CODE, f"a model of another kind ({name})", TRUST, name)
    for argument, value in _texts(arguments, deep=not provided):
        if _is_read_as_file(entry, argument, value, provided, is_part=value is not arguments.get(argument)):
            shown, of = quoted_name(str(value)), argument[:LONGEST_QUOTED]
            yield UnsafeContent(layer, Kind.FILE, f"the path {shown} to read as its {of}", TRUST, name)
    if not provided:
        yield _unknown(layer, entry)


def _arguments(entry: Mapping[str, object], provided: bool) -> Mapping[str, object]:
    """What a class is made from; one that is not Keras's own may take another thing than a mapping, and read it."""
    inner = entry.get("config")
    own = inner if isinstance(inner, Mapping) else {} if provided else {"config": inner}
    return own if provided else {"build_config": entry.get("build_config"), **own}


def _is_read_as_file(
    entry: Mapping[str, object], argument: str, value: object, provided: bool, is_part: bool = False
) -> TypeGuard[str]:
    """True for an argument that would make loading open a file or an address."""
    if not isinstance(value, str):
        return False
    if ADDRESS.match(value):
        return True
    if argument == "proto" and len(value) > CONTENT_LENGTH:
        return False
    if provided or str(entry.get("module")).split(".")[0] in KERAS_PACKAGES:
        if argument in FILE_ARGUMENTS:
            return not is_part
        if provided:  # what Keras's own classes read, the names of their arguments tell
            return False
    # Nobody knows what another class opens: any text that is a path, and any that happens to be one.
    if argument == "name" or len(value) > LONGEST_PATH:
        return False
    is_path = len(value) > 1 and LOCAL_PATH.match(value) is not None
    try:
        return (is_path and (not is_part or os.path.lexists(value))) or os.path.isfile(value)
    except ValueError:  # a NUL in it
        return False


def _texts(arguments: Mapping[str, object], *, deep: bool) -> Iterator[tuple[str, object]]:
    """Yields (argument, value) of a configuration, and if `deep` the texts within, but for objects of their own.

    Bytes, arrays and the like are written as objects: the text in them is the argument's.
    """
    for argument, value in arguments.items():
        yield str(argument), value
        waiting: list[object] = [value] if deep and isinstance(value, (list, Mapping)) else []
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                yield str(argument), part
            elif isinstance(part, Mapping):
                kind = part.get("class_name")
                if not isinstance(kind, str) or kind in DATA:  # else it is an object of its own
                    waiting += [*part.values(), *part]
            elif isinstance(part, list):
                waiting += part


def _is_provided(entry: Mapping[str, object]) -> bool:
    """True when the class or function named comes from Keras, as Keras itself would resolve the name."""
    name, module, inner = str(entry["class_name"]), entry.get("module"), entry.get("config")
    if name == "__typespec__":
        return False
    if name == "function":
        if not isinstance(inner, str) or not isinstance(module, str):
            return False
        rooms = BUILTIN_FUNCTIONS if module == "builtins" else (module.removeprefix("keras").lstrip("."),)
        if inner in NOT_MODELLING or entry.get("registered_name", inner) not in (None, inner, "function"):
            return False
        return (module == "builtins" or module.split(".")[0] == "keras") and any(
            room.split(".")[0] in FUNCTIONS and inner in exported_names(f"keras.{room}") for room in rooms
        )
    # Keras looks the registered name up first: another one would bring another class.
    if not name[:1].isupper() or entry.get("registered_name") not in (None, name):
        return False
    if "module" not in entry:  # legacy files name no modules
        return any(name in exported_names(f"keras.{room}") for room in (*sorted(MODELLING), "")) or name in LEGACY
    if not isinstance(module, str) or module.split(".")[0] != "keras":
        return False
    if module.startswith("keras.src."):
        return module.split(".")[2] in DEFINING and name in defined_classes(module)
    room = (module.removeprefix("keras").lstrip(".") or "layers").split(".")[0]
    return (room in MODELLING or name in SINGLE) and name in exported_names(module)


LEGACY = frozenset({"Functional", "Model", "Sequential"})


def _unknown(layer: str, entry: Mapping[str, object]) -> UnsafeContent:
    is_function = entry["class_name"] == "function"
    inner = entry.get("config")
    name = inner if is_function and isinstance(inner, str) else str(entry.get("spec_name", entry["class_name"]))
    module = entry.get("module")
    registered = entry.get("registered_name")
    # Keras looks functions up by name; what it writes as their registered name is the word "function".
    registered = registered if isinstance(registered, str) and not is_function else name
    module = module if isinstance(module, str) else ""
    detail = f"the unknown {'function' if is_function else 'class'} {quoted_name(name)}"
    if registered != name:
        detail += f" (registered as {quoted_name(registered)})"
    elif module and module != "builtins":
        detail += f" (of the module {quoted_name(module)})"
    return UnsafeContent(layer, Kind.UNKNOWN, detail, IMPORT, name, registered, module)


@cache
def exported_names(module: str) -> frozenset[str]:
    """Names that a public Keras module exports, read from its source; empty if there is no such module."""
    text = _source(module, ("__init__.py",)) if not module.startswith("keras.src") else ""
    return frozenset(re.findall(r"\bas\s+(\w+)", text))


@cache
def defined_classes(module: str) -> frozenset[str]:
    """Classes that a module below `keras.src`, or of a package of the Keras team, defines; read from its source."""
    known = module.startswith("keras.src.") or module.split(".")[0] in KERAS_PACKAGES
    text = _source(module, (".py", "__init__.py")) if known else ""
    return frozenset(re.findall(r"^class\s+(\w+)", text, re.MULTILINE))


def _source(module: str, endings: tuple[str, ...]) -> str:
    root = _folder(module.split(".")[0])
    parts = [part for part in module.split(".")[1:] if part]
    if root is None or not all(part.isidentifier() for part in parts):
        return ""
    for folder in (root, root / "api"):  # up to 3.9 the public modules were in keras/api
        for ending in endings:
            place = folder.joinpath(*parts)
            path = place.with_suffix(ending) if ending.startswith(".") else place / ending
            if path.is_file():
                return path.read_text(encoding="utf-8")
    return ""


@cache
def _folder(package: str) -> Path | None:
    spec = find_spec(package)  # finds a top-level package without importing it
    return Path(spec.origin).parent if spec and spec.origin else None
