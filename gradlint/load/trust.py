"""What in a model file must not be loaded, or cannot be, and the advice that goes with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gradlint.errors import ModelFileError, UnsafeModelError
from gradlint.load.content import IMPORT, TRUST, Kind, UnsafeContent
from gradlint.load.spec import LONGEST_QUOTED, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    elif package not in ("", "builtins", "keras") and _is_module(first.module):
        advice = f"pass {IMPORT} {first.module} (or the .py file that defines it)"
    elif package == "keras" and first.registered_name == first.name:
        written = f"the file was written by Keras {version}, but " if version else ""
        advice = f"{written}the installed Keras has no such modelling class; upgrade Keras, or do not trust the file"
    else:
        advice = f"pass {IMPORT} your_module.py, which defines and registers it"
    also = f"; it also needs {quoted(others)}" if others else ""
    return ModelFileError(f"{path}: {first}; {advice}{also}")


def _is_module(name: str) -> bool:
    return len(name) <= LONGEST_QUOTED and name.replace(".", "").isidentifier()


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
