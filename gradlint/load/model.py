"""From a path, or a factory in the user's code, to a Keras model; the one file here that needs TensorFlow.

Everything TensorFlow says while it starts, and Keras while it loads, is kept off the screen; what the user
must know comes back as one error.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import logging
import math
import os
import random
import re
import sys
import tempfile
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gradlint.errors import GradlintError, ModelFileError, UnsafeModelError, UsageError
from gradlint.load import search
from gradlint.load.content import KERAS_PACKAGES, Kind, UnsafeContent, defined_classes
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.load.preflight import (
    ZIP_MAGIC,
    first_bytes,
    is_of_keras_2,
    of_keras_2,
    read_config,
    read_spec,
    refuse_beyond_memory,
    refuse_unsafe,
    require_file,
    unknown_class_error,
)
from gradlint.load.spec import ModelSpec, spec_from_config
from gradlint.upstream.libraries import is_library_file
from gradlint.upstream.names import require_known_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gradlint.load.limits import Limits

# Keras ships no types; the name says what is meant.
Model: TypeAlias = Any

HDF5_SUFFIXES = (".h5", ".hdf5")
REASON_LENGTH = 300
"""Characters of Keras's own explanation that a message repeats: Keras appends whole configurations."""


def quiet_tensorflow() -> None:
    """Imports TensorFlow and Keras without a word on the screen, if they can be used. Later calls cost nothing.

    Raises:
        UsageError: TensorFlow is not installed or does not start, or Keras runs on another backend.
        UnknownVersionError: gradlint does not know these releases of TensorFlow and Keras.
    """
    import_tensorflow()
    require_known_versions()


def import_tensorflow() -> None:
    """Imports TensorFlow and Keras without a word on the screen, whatever their versions.

    Raises:
        UsageError: TensorFlow is not installed or does not start, or Keras runs on another backend.
    """
    if "tensorflow" not in sys.modules or "keras" not in sys.modules:
        # Read once by TensorFlow's C++ side, for the whole process: errors only, and nothing below.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        backend = os.environ.get("KERAS_BACKEND")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # wins over ~/.keras/keras.json
        try:
            with _native_stderr() as said:
                try:
                    importlib.import_module("tensorflow")
                    importlib.import_module("keras")
                except Exception as error:
                    raise UsageError(_no_tensorflow(error, backend, said())) from error
        finally:
            if backend is None:
                os.environ.pop("KERAS_BACKEND", None)
    import keras

    if (name := keras.backend.backend()) != "tensorflow":
        raise UsageError(
            f"Keras runs on the {name} backend, but gradlint reads TensorFlow's gradients; set KERAS_BACKEND=tensorflow"
        )


def _no_tensorflow(error: Exception, backend: str | None, said: str) -> str:
    reason = f"{type(error).__name__}: {_first_words(error)}"
    if backend not in (None, "tensorflow"):
        return f"Keras cannot be imported with KERAS_BACKEND={backend} ({reason}); set KERAS_BACKEND=tensorflow"
    last = said.strip().splitlines()[-1:]
    more = f" It said: {last[0][:REASON_LENGTH]}" if last else ""
    return f"TensorFlow or Keras cannot be imported: {reason}. Try `python -c 'import tensorflow, keras'`.{more}"


@contextlib.contextmanager
def _native_stderr() -> Iterator[Any]:
    """Keeps what is written to file descriptor 2 off the screen; yields a function that gives it back.

    `TF_CPP_MIN_LOG_LEVEL` is not enough: TensorFlow 2.21 logs some lines before its logging is set up,
    straight to the descriptor ("All log messages before absl::InitializeLog() is called ...").
    """
    try:
        sys.stderr.flush()
        copy = os.dup(2)
    except (OSError, AttributeError, ValueError):  # no standard error at all: nothing to hide
        yield str
        return
    try:
        said = tempfile.TemporaryFile()  # noqa: SIM115
    except OSError:  # no place for one: what is said is seen
        os.close(copy)
        yield str
        return
    with said:

        def text() -> str:
            said.seek(0)
            return said.read().decode("utf-8", "replace")

        try:
            os.dup2(said.fileno(), 2)
            yield text
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(copy, 2)
            os.close(copy)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps Python warnings, and what TensorFlow and absl log below errors, off the screen."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def _same_globals() -> Iterator[None]:
    """Gives back Keras's counters for automatic names and Python's random state.

    Rebuilding layers advances both: unseeded initializers draw their seeds from Python's `random`, so that
    without this a check would change the weights of the next model the user builds.
    """
    from gradlint.upstream.restoring import name_counters

    state, before = random.getstate(), dict(name_counters())
    try:
        yield
    finally:
        random.setstate(state)
        counters = name_counters()
        counters.clear()  # in place: Keras keeps the object
        counters.update(before)


# --- the user's own code ----------------------------------------------------------------------------


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
            if _is_file(name):
                search.named_file(str(require_file(name, UsageError, "a Python file")))
            else:
                search.named_module(name)
        except GradlintError:
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(f"--import {name} failed: {_blame(error)}") from error


def _is_file(name: str) -> bool:
    return name.endswith(".py") or os.sep in name


def _blame(error: BaseException) -> str:
    """`TypeError: message (file.py:12)`, with the innermost line of the user's own code, if any."""
    where, traceback = "", error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not is_library_file(file):
            where = f" ({file}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return f"{type(error).__name__}: {_first_words(error)}{where}"


def _first_words(error: BaseException) -> str:
    """The part of an error's text that says something, on one line and without terminal codes."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    # Keras wraps the true cause in the whole configuration, and appends the arguments of the call.
    text = text.rsplit("Exception encountered: ", 1)[-1].split("\n\nArguments received by", 1)[0]
    text = "".join(char for char in " ".join(text.split()) if char.isprintable())
    return text if len(text) <= REASON_LENGTH else f"{text[:REASON_LENGTH].rsplit(' ', 1)[0]} ..."


# --- models -----------------------------------------------------------------------------------------


def is_model(target: object) -> bool:
    """True for a live Keras model."""
    import keras

    return isinstance(target, keras.Model)


def is_legacy(target: object) -> bool:
    """True for a live model of Keras 2 (`tf_keras`)."""
    return any(
        cls.__module__.partition(".")[0] == "tf_keras" and cls.__name__ == "Model" for cls in type(target).__mro__
    )


def is_factory(target: str) -> bool:
    """True for `package.module:factory` and `FILE.py:factory`, False for the path of a file."""
    return search.is_named(target)


def load_model(path: str | os.PathLike[str], *, trust: bool = False, imports: Sequence[str] = ()) -> Model:
    """Loads a model from a `.keras` or `.h5` file, or has a factory build it.

    Args:
        path: the file, or `package.module:factory`.
        trust: run Python code that the file holds.
        imports: the user's modules and `.py` files, imported first.

    Raises:
        ModelFileError: one clear sentence on what stood in the way; the cause is chained.
        UnsafeModelError: the file holds code, and `trust` is False.
        UsageError: a module of `imports` fails.
    """
    return load_target(path, trust=trust, imports=imports)[0]


def load_target(
    path: str | os.PathLike[str],
    *,
    trust: bool = False,
    imports: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    read: tuple[ModelSpec, Sequence[UnsafeContent]] | None = None,
    allocate: bool = True,
    custom: Mapping[str, object] | None = None,
) -> tuple[Model, object]:
    """As `load_model`, with the sample that a factory may return besides its model (else None).

    Args:
        path: as for `load_model`.
        trust: as for `load_model`.
        imports: as for `load_model`.
        limits: what the file may ask for.
        read: what `read_spec` has told of the file; read again when None.
        allocate: give values to the variables; else they only have shapes, and the file's weights are not read.
        custom: classes and functions by the name that the file has for them.
    """
    custom = custom or {}
    quiet_tensorflow()
    import_user_modules(imports)
    if is_factory(os.fspath(path)):
        with contextlib.nullcontext() if allocate else _unallocated():
            return _from_factory(os.fspath(path))
    file = require_file(path, ModelFileError, "a model")
    read = read or read_spec(file, limits, weights=allocate)
    return _from_file(file, trust, limits, read, allocate, imports, custom), None


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
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.default is inspect.Parameter.empty and p.kind in places]
    return named if needed else None


def _from_factory(target: str) -> tuple[Model, object]:
    import keras

    factory = _named(target)
    try:
        built = factory()
    except (Exception, SystemExit) as error:
        raise ModelFileError(f"{target} failed: {_blame(error)}") from error
    model, sample = built if isinstance(built, tuple) and len(built) == 2 else (built, None)
    if not isinstance(model, keras.Model) and not is_legacy(model):
        raise ModelFileError(
            f"{target} returned {type(built).__name__}; it must return a keras.Model or (model, sample)"
        )
    return model, sample


def _named(target: str) -> Any:
    """What `package.module:name` or `FILE.py:name` names."""
    try:
        return search.named_object(target)
    except (Exception, SystemExit) as error:
        raise ModelFileError(f"{target} cannot be imported: {_blame(error)}") from error


def _offered(
    unknown: Sequence[UnsafeContent], imports: Sequence[str], custom: Mapping[str, object]
) -> dict[str, object]:
    """The classes and functions that a file needs and the user's modules have, registered or not, by both names."""
    offered: dict[str, object] = dict(custom)
    modules = [search.named_file(name) if _is_file(name) else search.named_module(name) for name in imports]
    for content in unknown:
        if content.kind is not Kind.UNKNOWN:
            continue
        found = custom.get(content.name) or next(
            (getattr(module, content.name) for module in modules if hasattr(module, content.name)), None
        )
        if callable(found):
            offered[content.name] = offered[content.registered_name] = found
    return offered


@contextlib.contextmanager
def _offering(objects: Mapping[str, object]) -> Iterator[None]:
    """Lets Keras find objects by name; a scope would hide those of a scope that the caller is in."""
    import keras

    known = keras.saving.get_custom_objects()
    before = dict(known)
    known.update(objects)
    try:
        yield
    finally:
        for name in objects:
            known.pop(name, None)
        known.update({name: before[name] for name in objects if name in before})


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
    unknown = [content for content in contents if not _is_known(content)]
    offered = _offered(unknown, imports, custom)
    unknown = [content for content in unknown if content.name not in offered]
    # With trust an unknown class is left to Keras: layers that rebuild their own parts know more than we do.
    refuse_unsafe(file, unknown, trust=trust, has_imports=trust, version=spec.keras_version)
    suffixes = (".keras",) if first_bytes(file, ModelFileError).startswith(ZIP_MAGIC) else HDF5_SUFFIXES
    if allocate and file.suffix not in suffixes:  # Keras goes by the name alone
        raise ModelFileError(f"{file} holds a Keras model, but Keras needs a name ending in {suffixes[0]}; rename it")
    try:
        with (
            quiet(),
            _same_globals(),
            _counted_variables(file, limits) if allocate else _unallocated(),
            _optimizers_without_slots(),
            _room_to_nest(spec),
            _offering(offered),
            _folder_for_assets(),
        ):
            # Keras 3 cannot read back its own .h5 when it was compiled with the metric or loss "mse"
            # (keras issue 19330); only the loss matters here, so it is compiled anew.
            is_hdf5 = suffixes == HDF5_SUFFIXES
            if allocate:
                model = keras.saving.load_model(file, safe_mode=not trust, compile=not is_hdf5)
                if not is_hdf5 and spec.compiled and _wants_own_compile(model):
                    _call_own_compile(model, read_config(file, limits).get("compile_config"), trust)
            else:
                model = _built(read_config(file, limits), spec, trust)
            if allocate and is_hdf5 and isinstance(model, keras.Model) and spec.loss is not None:
                _compile(model, spec)
    except _OversizedError as error:
        raise error.reason from None
    except Exception as error:
        if isinstance(reason := _first_oversized(error), _OversizedError):
            raise reason.reason from None
        raise _load_error(file, error, unknown, spec.keras_version) from error
    if not isinstance(model, keras.Model):
        raise ModelFileError(f"{file} holds a {type(model).__name__}, not a model")
    return model


@contextlib.contextmanager
def _unallocated() -> Iterator[None]:
    """Lets Keras build a model whose variables have shapes and no values, in memory for the layers alone."""
    import keras

    from gradlint.upstream.restoring import allocation_pending

    inherited: Any = keras.Variable.__init__
    own = vars(keras.Variable).get("__init__")

    def without_value(variable: Any, initializer: Any, shape: Any = None, *args: Any, **more: Any) -> None:
        # A stateless scope takes initializers only; counters and seeds start from a value.
        if not callable(initializer) and not isinstance(initializer, str):
            value = initializer
            start = np.asarray(getattr(value, "value", value))
            shape = start.shape
            if not args and more.get("dtype") is None:
                more["dtype"] = keras.backend.standardize_dtype(getattr(value, "dtype", None) or _kind(start))

            def initializer(shape: Any, dtype: Any = None) -> Any:
                return keras.ops.convert_to_tensor(value, dtype=dtype)

        inherited(variable, initializer, shape, *args, **more)

    keras.Variable.__init__ = without_value
    try:
        with allocation_pending(), keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        if own is None:
            del keras.Variable.__init__
        else:
            keras.Variable.__init__ = own


def _kind(array: np.ndarray[Any, Any]) -> str:
    """The dtype that Keras gives to a Python number, or to an array without one."""
    import keras

    if array.dtype.kind == "f":
        return str(keras.config.floatx())
    return "int32" if array.dtype.kind == "i" else array.dtype.name


class _OversizedError(Exception):
    """Leaves Keras's loader, which wraps errors in its own; `reason` is what the user is told."""

    def __init__(self, reason: ModelFileError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _first_oversized(error: BaseException | None) -> BaseException | None:
    while error is not None and not isinstance(error, _OversizedError):
        error = error.__cause__ or error.__context__
    return error


@contextlib.contextmanager
def _optimizers_without_slots() -> Iterator[None]:
    """Keeps optimizers from allocating their moments: twice the weights for Adam, and no check makes a step."""
    import keras

    # Every Keras optimizer makes its slots through this method; a tuple per name, or a list for a single one.
    def none(self: Any, trainable_variables: Any, name: Any, *args: Any, **more: Any) -> Any:
        return [] if isinstance(name, str) else tuple([] for _ in name)

    owner = next((cls for cls in keras.optimizers.Optimizer.__mro__ if "add_optimizer_variables" in vars(cls)), None)
    if owner is None:  # a Keras that does it another way allocates them
        yield
        return
    original = owner.add_optimizer_variables
    owner.add_optimizer_variables = none
    try:
        yield
    finally:
        owner.add_optimizer_variables = original


@contextlib.contextmanager
def _folder_for_assets() -> Iterator[None]:
    """Has Keras unpack assets where they are removed: it leaves its own folder behind when a member is odd."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="gradlint-", ignore_cleanup_errors=True)
    except OSError:  # only a model with assets needs one, and Keras says so then
        yield
        return
    before = tempfile.tempdir
    with folder:
        tempfile.tempdir = folder.name
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextlib.contextmanager
def _room_to_nest(spec: ModelSpec) -> Iterator[None]:
    """Lets Keras, which follows the layers of a functional model by recursion, load chains of any length."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, min(before + 4 * len(spec.layers), _DEEPEST)))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


_DEEPEST = 20_000
"""Nested Python calls that the 8 MB of stack of a usual process have room for, also in Python 3.10."""


@contextlib.contextmanager
def _counted_variables(file: Path, limits: Limits) -> Iterator[None]:
    """Stops a load whose variables do not fit into memory, before the one that is too much is allocated."""
    import keras

    inherited: Any = keras.Variable.__init__
    own = vars(keras.Variable).get("__init__")
    room = limits.bytes
    size = 0

    def counting(
        variable: Any, initializer: Any, shape: Any = None, dtype: Any = None, *args: Any, **more: Any
    ) -> None:
        nonlocal size
        if shape is not None and all(isinstance(length, int) and length >= 0 for length in shape):
            size += math.prod(shape) * _ITEM_SIZES.get(str(dtype or keras.config.floatx()), 4)
            if size > room:
                try:
                    refuse_beyond_memory(f"{file}: its variables take at least", size, replace(limits, memory=room))
                except ModelFileError as error:
                    raise _OversizedError(error) from None
        inherited(variable, initializer, shape, dtype, *args, **more)

    keras.Variable.__init__ = counting
    try:
        yield
    finally:
        if own is None:
            del keras.Variable.__init__
        else:
            keras.Variable.__init__ = own


_ITEM_SIZES = {"float64": 8, "int64": 8, "uint64": 8, "float16": 2, "bfloat16": 2, "int16": 2, "int8": 1, "uint8": 1}


def refuse_large_outputs(name: str, model: Model, rows: int, limits: Limits, steps: int = 1) -> None:
    """Raises ModelFileError when what the layers of a functional model pass on does not fit into memory.

    What a recurrence makes at each step counts too, since each is recorded; and very many steps are refused.

    Args:
        name: the model in the message.
        model: a live model; others than functional ones do not say.
        rows: length of the batch axis.
        limits: on the memory a check may take, and on the steps (`items`).
        steps: length of the second axis where the model leaves it open.
    """
    from gradlint.upstream.loops import is_loop, loop_bytes

    total, most, largest = 0, 0, ""
    in_loops, slowest, longest = 0, "", 0
    for operation, node in _calls(model):
        for tensor in getattr(node, "output_tensors", ()):
            size = 4 * math.prod(_lengths(tensor.shape, rows, 1))
            total += size
            if size > most:
                most, largest = size, operation.name
        if not is_loop(operation):
            continue
        for tensor in getattr(node, "input_tensors", ())[:1]:  # the others are states and masks
            shape = _lengths(tensor.shape, rows, steps)
            number = shape[1] if len(shape) > 1 else 1
            if number > limits.items:
                raise ModelFileError(
                    f"{name}: layer {operation.name!r} takes {number:,} steps, and each is recorded; the limit is "
                    f"{limits.items:,}. Give a shorter sequence, or raise --limit items={number}"
                )
            size = loop_bytes(operation, rows, shape)
            in_loops += size
            if size > longest:
                longest, slowest = size, operation.name
    # The largest is held with its gradient; of all, some may share their memory, as reshapes do.
    refuse_beyond_memory(
        f"{name}: what its layers pass on (most of it {largest!r}) takes at least", max(most, total // 4), limits
    )
    refuse_beyond_memory(
        f"{name}: the steps of its loops (most of them in {slowest!r}) take at least", in_loops, limits
    )


def _lengths(shape: Sequence[int | None], rows: int, steps: int) -> tuple[int, ...]:
    """A shape whose open axes have a length: those after the second count as one."""
    return tuple(length or (rows, steps, 1)[min(axis, 2)] for axis, length in enumerate(shape))


def _calls(model: Model) -> Iterator[tuple[Any, Any]]:
    """Yields (operation, node) for every symbolic call in a functional model, those inside of its parts included."""
    from gradlint.upstream.models import calls_of

    pending, seen = [model], set()
    while pending:
        part = pending.pop()
        for operation in getattr(part, "operations", None) or ():
            if id(operation) not in seen:
                seen.add(id(operation))
                yield from ((operation, node) for node in calls_of(operation))
                pending.append(operation)


def _built(config: dict[str, object], spec: ModelSpec, trust: bool) -> Model:
    """A model from its configuration alone."""
    import keras

    compiled = config.pop("compile_config", None)
    model = keras.saving.deserialize_keras_object(config, safe_mode=not trust)
    if not spec.compiled or not isinstance(model, keras.Model):
        return model
    if type(model).compile is keras.Model.compile:
        _compile(model, spec)  # Keras's own way asks every variable for its value, for the optimizer's sake
    else:
        model.compile_from_config(compiled)
        model.compiled = True  # as Keras's own loader has it, whether or not the model knows how to
        if _wants_own_compile(model):
            _call_own_compile(model, compiled, trust)
    return model


def _wants_own_compile(model: object) -> bool:
    from gradlint.upstream.models import is_compiled_in_name_only

    return is_model(model) and is_compiled_in_name_only(model)


def _call_own_compile(model: Any, saved: object, trust: bool) -> None:
    """Calls the `compile` that a class has of its own with what was saved, which Keras leaves to the user.

    It fails where the method wants more than that; the model is then as Keras loads it.
    """
    import keras

    with contextlib.suppress(Exception):
        taken = inspect.signature(model.compile).parameters
        takes_all = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in taken.values())
        given = keras.saving.deserialize_keras_object(saved, safe_mode=not trust)
        model.compile(**{name: value for name, value in given.items() if takes_all or name in taken})


def _compile(model: Model, spec: ModelSpec) -> None:
    import keras

    def losses(part: Any) -> Any:
        if isinstance(part, list):
            return [losses(value) for value in part]
        if isinstance(part, dict) and "class_name" not in part:
            return {key: losses(value) for key, value in part.items()}
        return keras.losses.deserialize(part) if isinstance(part, dict) else part

    model.compile(loss=losses(spec.loss), loss_weights=spec.loss_weights)


def _is_known(content: UnsafeContent) -> bool:
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


def _load_error(file: Path, error: Exception, unknown: Sequence[UnsafeContent], version: str = "") -> ModelFileError:
    text = str(error)
    missing = [content for content in unknown if content.kind is Kind.UNKNOWN]
    if missing and ("Could not locate" in text or "Unknown" in text or "cannot be imported" in text):
        return unknown_class_error(file, missing, version)
    if "safe_mode" in text or "unsafe_deserialization" in text:
        return UnsafeModelError(f"{file}: {_first_words(error)}; pass --trust-model if you trust it")
    if re.search(r"could not be loaded|variables? during loading|[Ll]ayer count mismatch|shape mismatch", text):
        old = f"; {of_keras_2(file, version)}" if is_of_keras_2(version) else ""
        return ModelFileError(f"{file}: the weights do not fit the model: {_first_words(error)}{old}")
    if not file.is_file():
        return ModelFileError(f"{file} has vanished while it was read")
    if is_of_keras_2(version):
        return ModelFileError(f"{file}: Keras could not build the model ({_blame(error)}); {of_keras_2(file, version)}")
    return ModelFileError(f"{file}: Keras could not build the model: {_blame(error)}{_other_version(version)}")


def _other_version(version: str) -> str:
    """`; the file was written by Keras 4.0.0, newer than 3.15.1`, when that may be the reason."""
    import keras

    def numbers(text: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d{1,9}", text)[:2]]

    if not version or numbers(version) == numbers(keras.__version__):
        return ""
    age = "newer" if numbers(version) > numbers(keras.__version__) else "older"
    return f"; the file was written by Keras {version}, {age} than the installed {keras.__version__}"


# --- live models ------------------------------------------------------------------------------------


def spec_from_model(model: Model) -> ModelSpec:
    """Describes a live model: by its serialised form, completed from the model where that says nothing.

    Never raises, and leaves the model and Keras's global state as they were.
    """
    try:
        return _described(model)
    except Exception:  # get_config is user code, and may hold anything
        return ModelSpec(str(getattr(model, "name", "")), type(model).__name__)


def _described(model: Model) -> ModelSpec:
    import keras

    with quiet(), _same_globals():
        try:
            config: dict[str, Any] = keras.saving.serialize_keras_object(model)
        except Exception:  # no get_config, or one that fails
            config = {"module": type(model).__module__, "class_name": type(model).__name__, "config": {}}
            config["registered_name"] = config["class_name"]
            with contextlib.suppress(Exception):
                config["build_config"] = model.get_build_config()
            if getattr(model, "compiled", False):
                loss = getattr(model, "loss", None)
                config["compile_config"] = {"compiled": True, "loss": loss if isinstance(loss, str) else None}
        inner = config.get("config")
        if not isinstance(inner, dict) or "layers" not in inner:
            # KerasHub's models, and subclassed ones, write their constructor's arguments only.
            with contextlib.suppress(Exception):
                config["config"] = {"name": model.name, **_live_graph(model)}
        return spec_from_config(json.loads(json.dumps(config, default=str, skipkeys=True)), keras.__version__)


def _live_graph(model: Model) -> Mapping[str, Any]:
    """A model's layers and how they are connected, in the form that Keras writes functional models."""
    from gradlint.upstream.models import ends_of_graph, graph_of_model

    functional = graph_of_model(model)
    operations: Sequence[Any] = getattr(functional, "operations", None) or getattr(model, "layers", [])
    graph: dict[str, Any] = {"layers": [_live_layer(operation) for operation in operations]}
    if (ends := ends_of_graph(functional)) is not None:
        graph["input_layers"], graph["output_layers"] = map(_tensor_names, ends)
    return graph


def _live_layer(layer: Any) -> dict[str, Any]:
    from gradlint.upstream.models import calls_of

    try:
        config: Any = layer.get_config()
    except Exception:
        config = {}
    if not isinstance(config, dict):
        config = {}
    if getattr(layer, "layers", None) and "layers" not in config:
        config = {**config, **_live_graph(layer)}
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": _tensor_names(tensor)}}
        for node in calls_of(layer)
        for tensor in node.input_tensors
    ]
    return {
        "module": type(layer).__module__,
        "class_name": type(layer).__name__,
        "registered_name": None,
        "name": layer.name,
        "config": config,
        "inbound_nodes": [{"args": tensors, "kwargs": {}}],
    }


def _tensor_names(part: Any) -> Any:
    """A nested structure of Keras tensors with `[layer, node, tensor]` in their place."""
    if isinstance(part, dict):
        return {key: _tensor_names(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_tensor_names(value) for value in part]
    from gradlint.upstream.models import origin_of

    return list(origin_of(part))
