"""From a path, or a factory in the user's code, to a Keras model; the one room of `load` that needs TensorFlow.

Everything TensorFlow says while it starts, and Keras while it loads, is kept off the screen; what the user
must know comes back as one error.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from gradlint.errors import ModelFileError
from gradlint.load.configuration import read_config
from gradlint.load.files import ZIP_MAGIC, first_bytes, require_file
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.load.model.allocating import (
    OversizedError,
    counted_variables,
    first_oversized,
    optimizers_without_slots,
    unallocated,
)
from gradlint.load.model.code import from_factory, import_user_modules, is_factory, is_known, offered_classes
from gradlint.load.model.compiling import built_from, call_own_compile, compile_with_loss, wants_own_compile
from gradlint.load.model.failures import load_error
from gradlint.load.model.surroundings import folder_for_assets, offering, room_to_nest, same_globals
from gradlint.load.preflight import read_spec
from gradlint.load.trust import refuse_unsafe
from gradlint.upstream.starting import quiet, quiet_tensorflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gradlint.load.content import UnsafeContent
    from gradlint.load.limits import Limits
    from gradlint.load.model.live import Model
    from gradlint.load.spec import ModelSpec

HDF5_SUFFIXES = (".h5", ".hdf5")


def load_target(
    path: str | os.PathLike[str],
    *,
    trust: bool = False,
    imports: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    read: tuple[ModelSpec, Sequence[UnsafeContent]] | None = None,
    allocate: bool = True,
    custom: Mapping[str, object] | None = None,
    seed: int = 0,
) -> tuple[Model, object]:
    """Loads a model from a `.keras` or `.h5` file, or has a factory build it.

    Args:
        path: the file, or `package.module:factory`.
        trust: run Python code that the file holds.
        imports: the user's modules and `.py` files, imported first.
        limits: what the file may ask for.
        read: what `read_spec` has told of the file; read again when None.
        allocate: give values to the variables; else they only have shapes, and the file's weights are not read.
        custom: classes and functions by the name that the file has for them.
        seed: of what the user's modules and factories draw.

    Returns:
        the model, and the sample that a factory may return besides it, else None.

    Raises:
        ModelFileError: one clear sentence on what stood in the way; the cause is chained.
        UnsafeModelError: the file holds code, and `trust` is False.
        UsageError: a module of `imports` fails.
    """
    custom = custom or {}
    quiet_tensorflow()
    from gradlint.upstream.restoring import seeded

    with seeded(seed):
        import_user_modules(imports)
        if is_factory(os.fspath(path)):
            with contextlib.nullcontext() if allocate else unallocated():
                return from_factory(os.fspath(path))
    file = require_file(path, ModelFileError, "a model")
    read = read or read_spec(file, limits, weights=allocate)
    return _from_file(file, trust, limits, read, allocate, imports, custom), None


def _from_file(
    file: Path,
    trust: bool,
    limits: Limits,
    read: tuple[ModelSpec, Sequence[UnsafeContent]],
    allocate: bool,
    imports: Sequence[str],
    custom: Mapping[str, object],
) -> Model:
    import keras

    spec, contents = read
    unknown = [content for content in contents if not is_known(content)]
    offered = offered_classes(unknown, imports, custom)
    unknown = [content for content in unknown if content.name not in offered]
    # With trust an unknown class is left to Keras: layers that rebuild their own parts know more than we do.
    refuse_unsafe(file, unknown, trust=trust, has_imports=trust, version=spec.keras_version)
    suffixes = (".keras",) if first_bytes(file, ModelFileError).startswith(ZIP_MAGIC) else HDF5_SUFFIXES
    if allocate and file.suffix not in suffixes:  # Keras goes by the name alone
        raise ModelFileError(f"{file} holds a Keras model, but Keras needs a name ending in {suffixes[0]}; rename it")
    try:
        with (
            quiet(),
            same_globals(),
            counted_variables(file, limits) if allocate else unallocated(),
            optimizers_without_slots(),
            room_to_nest(spec),
            offering(offered),
            folder_for_assets(),
        ):
            # Keras 3 cannot read back its own .h5 when it was compiled with the metric or loss "mse"
            # (keras issue 19330); only the loss matters here, so it is compiled anew.
            is_hdf5 = suffixes == HDF5_SUFFIXES
            if allocate:
                model = keras.saving.load_model(file, safe_mode=not trust, compile=not is_hdf5)
                if not is_hdf5 and spec.compiled and wants_own_compile(model):
                    call_own_compile(model, read_config(file, limits).get("compile_config"), trust)
            else:
                model = built_from(read_config(file, limits), spec, trust)
            if allocate and is_hdf5 and isinstance(model, keras.Model) and spec.loss is not None:
                compile_with_loss(model, spec)
    except OversizedError as error:
        raise error.reason from None
    except Exception as error:
        if oversized := first_oversized(error):
            raise oversized.reason from None
        raise load_error(file, error, unknown, spec.keras_version) from error
    if not isinstance(model, keras.Model):
        raise ModelFileError(f"{file} holds a {type(model).__name__}, not a model")
    return model
