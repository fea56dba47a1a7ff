"""What a model file asks Keras to run: everything that is not Keras's own, by an allow-list.

Keras rebuilds a model by looking up the classes and functions that the file names. The allow-list is
what the installed Keras exports for modelling, read from its sources as text, so that neither Keras nor
TensorFlow is imported. Whatever is not on it is code from the file, or code the user must bring.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from gradlint.load.spec import CODE_LAYERS, serialized_objects

TRUST = "--trust-model"
IMPORT = "--import"

MODELLING = frozenset(
    {
        "activations", "applications", "constraints", "distillation", "dtype_policies", "initializers",
        "layers", "losses", "metrics", "mixed_precision", "models", "ops", "optimizers", "quantizers",
        "random", "regularizers", "trainers", "utils",
    }
)  # fmt: skip
"""Rooms of Keras whose classes a model may be made of."""
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
BUILTIN_FUNCTIONS = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")
"""Where Keras looks for a function whose module it wrote as `builtins`; optimizers are classes."""
DATA = frozenset({"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"})
"""Class names that stand for plain values."""
FILE_ARGUMENTS = ("vocabulary", "vocabulary_file", "filepath", "idf_weights")
"""Arguments of preprocessing layers that are read as a file's path when they are text (CVE-2025-12058)."""
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
    name, inner = str(entry["class_name"]), entry.get("config")
    arguments = inner if isinstance(inner, Mapping) else {}
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
    for argument in FILE_ARGUMENTS:
        if isinstance(value := arguments.get(argument), str):
            yield UnsafeContent(layer, Kind.FILE, f"the path {value!r} to read as its {argument}", TRUST, name)
    if not _is_provided(entry):
        yield _unknown(layer, entry)


def _is_provided(entry: Mapping[str, object]) -> bool:
    """True when the class or function named comes from Keras, as Keras itself would resolve the name."""
    name, module, inner = str(entry["class_name"]), entry.get("module"), entry.get("config")
    if name == "__typespec__":
        return False
    if name == "function":
        if not isinstance(inner, str) or not isinstance(module, str):
            return False
        rooms = BUILTIN_FUNCTIONS if module == "builtins" else (module.removeprefix("keras").lstrip("."),)
        return (module == "builtins" or module.split(".")[0] == "keras") and any(
            room.split(".")[0] in FUNCTIONS and inner in exported_names(f"keras.{room}") for room in rooms
        )
    if "module" not in entry:  # legacy files name no modules
        return any(name in exported_names(f"keras.{room}") for room in (*sorted(MODELLING), "")) or name in LEGACY
    if not isinstance(module, str) or module.split(".")[0] != "keras":
        return False
    room = (module.removeprefix("keras").removeprefix(".src").lstrip(".") or "layers").split(".")[0]
    if room not in MODELLING or not name[:1].isupper():
        return False
    return name in exported_names(module) or name in defined_classes(module)


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
    detail = f"the unknown {'function' if is_function else 'class'} {name!r}"
    if registered != name:
        detail += f" (registered as {registered!r})"
    elif module and module != "builtins":
        detail += f" (of the module {module!r})"
    return UnsafeContent(layer, Kind.UNKNOWN, detail, IMPORT, name, registered, module)


@cache
def exported_names(module: str) -> frozenset[str]:
    """Names that a public Keras module exports, read from its source; empty if there is no such module."""
    text = _source(module, ("__init__.py",)) if not module.startswith("keras.src") else ""
    return frozenset(re.findall(r"\bas\s+(\w+)", text))


@cache
def defined_classes(module: str) -> frozenset[str]:
    """Classes that a module below `keras.src` defines, read from its source."""
    text = _source(module, (".py", "__init__.py")) if module.startswith("keras.src.") else ""
    return frozenset(re.findall(r"^class\s+(\w+)", text, re.MULTILINE))


def _source(module: str, endings: tuple[str, ...]) -> str:
    root = _keras_folder()
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
def _keras_folder() -> Path | None:
    spec = find_spec("keras")  # finds a top-level package without importing it
    return Path(spec.origin).parent if spec and spec.origin else None
