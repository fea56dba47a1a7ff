"""How much memory the variables of a loading model take: none, or no more than there is."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlint.errors import ModelFileError
from gradlint.load.limits import refuse_beyond_memory
from gradlint.upstream.patching import definer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gradlint.load.limits import Limits


@contextlib.contextmanager
def unallocated() -> Iterator[None]:
    """Lets Keras build a model whose variables have shapes and no values, in memory for the layers alone."""
    import keras

    from gradlint.upstream.restoring import allocation_pending

    inherited: Any = keras.Variable.__init__

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

    with _variables_made_by(without_value), allocation_pending(), keras.StatelessScope(initialize_variables=False):
        yield


@contextlib.contextmanager
def _variables_made_by(make: Callable[..., None]) -> Iterator[None]:
    import keras

    own = vars(keras.Variable).get("__init__")
    keras.Variable.__init__ = make
    try:
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


class OversizedError(Exception):
    """Leaves Keras's loader, which wraps errors in its own; `reason` is what the user is told."""

    def __init__(self, reason: ModelFileError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def first_oversized(error: BaseException | None) -> OversizedError | None:
    """The one in a chain of exceptions, if any."""
    while error is not None and not isinstance(error, OversizedError):
        error = error.__cause__ or error.__context__
    return error


@contextlib.contextmanager
def counted_variables(file: Path, limits: Limits) -> Iterator[None]:
    """Stops a load whose variables do not fit into memory, before the one that is too much is allocated."""
    import keras

    inherited: Any = keras.Variable.__init__
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
                    raise OversizedError(error) from None
        inherited(variable, initializer, shape, dtype, *args, **more)

    with _variables_made_by(counting):
        yield


_ITEM_SIZES = {"float64": 8, "int64": 8, "uint64": 8, "float16": 2, "bfloat16": 2, "int16": 2, "int8": 1, "uint8": 1}


@contextlib.contextmanager
def optimizers_without_slots() -> Iterator[None]:
    """Keeps optimizers from allocating their moments: twice the weights for Adam, and no check makes a step."""
    import keras

    # Every Keras optimizer makes its slots through this method; a tuple per name, or a list for a single one.
    def none(self: Any, trainable_variables: Any, name: Any, *args: Any, **more: Any) -> Any:
        return [] if isinstance(name, str) else tuple([] for _ in name)

    owner = definer(keras.optimizers.Optimizer, "add_optimizer_variables")
    if owner is None:  # a Keras that does it another way allocates them
        yield
        return
    original = owner.add_optimizer_variables
    owner.add_optimizer_variables = none
    try:
        yield
    finally:
        owner.add_optimizer_variables = original
