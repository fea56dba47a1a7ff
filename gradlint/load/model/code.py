"""The user's own modules, factories and steps; and the classes in them that a file needs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from gradlint.errors import GradlintError, ModelFileError, UsageError
from gradlint.load import search
from gradlint.load.batch import first_batch, packed
from gradlint.load.content import KERAS_PACKAGES, Kind, UnsafeContent, defined_classes
from gradlint.load.files import require_file
from gradlint.load.given import limits_of, read
from gradlint.load.model.live import Model, is_legacy
from gradlint.load.sample import load_sample
from gradlint.upstream.raised import blame
from gradlint.upstream.starting import quiet_tensorflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gradlint.options import Options


def import_user_modules(names: Sequence[str]) -> None:
    """Imports the user's modules, so that the layers and losses they register are known to Keras.

    The folders of the user (`load.search`) come first on the import path and stay there: user code may import more
    when it runs. A file is executed once, under its own name.

    Args:
        names: dotted module names, or paths of `.py` files.

    Raises:
        UsageError: one of them does not exist or fails.
    """
    for name in names:
        try:
            if search.is_file(name):
                search.named_file(str(require_file(name, UsageError, "a Python file")))
            else:
                search.named_module(name)
        except GradlintError:
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(f"--import {name} failed: {blame(error)}") from error


def is_factory(target: str) -> bool:
    """True for `package.module:factory` and `FILE.py:factory`, False for the path of a file."""
    return search.is_named(target)


def from_factory(target: str) -> tuple[Model, object]:
    """The model that a factory builds, and the sample it may return with it (else None).

    Raises:
        ModelFileError: it cannot be imported, fails, or returns something else.
    """
    import keras

    factory = _named(target)
    if not callable(factory):
        raise ModelFileError(f"{target} is no model, and no function that gives one: it is a {type(factory).__name__}")
    is_model = isinstance(factory, keras.Model) or is_legacy(factory)
    try:
        built = factory if is_model else factory()
    except (Exception, SystemExit) as error:
        raise ModelFileError(f"{target} failed: {blame(error)}") from error
    model, sample = built if isinstance(built, tuple) and len(built) == 2 else (built, None)
    if not isinstance(model, keras.Model) and not is_legacy(model):
        raise ModelFileError(
            f"{target} returned {type(built).__name__}; it must return a keras.Model or (model, sample)"
        )
    return model, sample


def step_of(target: str, imports: Sequence[str] = ()) -> Any | None:
    """The training step that `package.module:function` names; None where it names a factory.

    A factory can be called as it is. A step needs its batch.

    Raises:
        ModelFileError: it cannot be imported.
    """
    quiet_tensorflow()
    import_user_modules(imports)
    named = _named(target)
    function = getattr(named, "python_function", named)
    if not callable(function) or isinstance(function, type):
        return None
    from gradlint.upstream.models import parameters_of

    try:
        return named if parameters_of(function) else None
    except (TypeError, ValueError):  # made in C, without a signature
        return None


def arguments_of(step: Any, target: str, sample: object, options: Options) -> tuple[Any, ...]:
    """A sample as the positional arguments of a step.

    Its parameters take the arrays of their names, if there are all of them; one parameter takes the batch as `fit`
    would hand it over, several its parts.

    Raises:
        UsageError: the parameters are others.
    """
    from gradlint.upstream import models

    sample = read(sample, options)
    if isinstance(sample, str):
        sample = load_sample(sample, limits_of(options))
    batch = first_batch(sample, (), options.batch or 0)
    arrays = batch if isinstance(batch, dict) else {}
    names = models.parameters_of(step)
    if arrays and set(names) <= set(arrays):
        return tuple(models.as_tensors(arrays[name]) for name in names)
    whole = packed(arrays) if arrays else batch
    if len(names) == 1:
        return (models.as_tensors(whole),)
    if isinstance(whole, tuple) and len(whole) == len(names):
        return tuple(models.as_tensors(part) for part in whole)
    raise UsageError(
        f"{target} takes {', '.join(names)}; the sample has {', '.join(arrays) or 'other parts'}. Name its arrays so"
    )


def _named(target: str) -> Any:
    """What `package.module:name` or `FILE.py:name` names."""
    try:
        return search.named_object(target)
    except (Exception, SystemExit) as error:
        raise ModelFileError(f"{target} cannot be imported: {blame(error)}") from error


def offered_classes(
    unknown: Sequence[UnsafeContent], imports: Sequence[str], custom: Mapping[str, object]
) -> dict[str, object]:
    """The classes and functions that a file needs and the user's modules have, registered or not, by both names."""
    offered: dict[str, object] = dict(custom)
    modules = [search.named_file(name) if search.is_file(name) else search.named_module(name) for name in imports]
    for content in unknown:
        if content.kind is not Kind.UNKNOWN:
            continue
        found = custom.get(content.name) or next(
            (getattr(module, content.name) for module in modules if hasattr(module, content.name)), None
        )
        if callable(found):
            offered[content.name] = offered[content.registered_name] = found
    return offered


def is_known(content: UnsafeContent) -> bool:
    """True for a class or function that the process can already provide."""
    import keras

    if content.kind is not Kind.UNKNOWN:
        return False
    names = {content.registered_name, content.name}
    if any(keras.saving.get_registered_object(name) is not None for name in names):
        return True
    # Up to 3.6 Keras wrote functions without their package ("loss" for "mine>loss") and finds them so still.
    if any(key.endswith(f">{content.name}") for key in keras.saving.get_custom_objects()):
        return True
    package = content.module.split(".")[0]
    return package in KERAS_PACKAGES and package in sys.modules and content.name in defined_classes(content.module)
