"""Functions that TensorFlow traces, and the Python functions that they are made of."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.upstream import patching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Function: Any = type(tf.function(lambda: None))


def is_traced(value: object) -> bool:
    """Whether something is a `tf.function`."""
    return isinstance(value, tf.types.experimental.PolymorphicFunction)


def python_function(value: Any) -> tuple[Any, Any]:
    """The Python function that a call runs, and the object that it is bound to; None where it is to none."""
    if is_traced(value):
        value = value.python_function
        # A method of a class: TensorFlow holds its object weakly, behind an object of its own.
        value = getattr(value, "__wrapped__", value)
    owner = getattr(value, "__self__", None)
    owner = getattr(owner, "target", owner) if type(owner).__module__.startswith("tensorflow.") else owner
    return inspect.unwrap(getattr(value, "__func__", value)), owner


@contextlib.contextmanager
def on_traced_call(called: Callable[[Any, tuple[Any, ...], dict[str, Any], Callable[[], Any]], Any]) -> Iterator[None]:
    """Hand every call of a `tf.function` to `called(function, args, kwargs, run)`, which gives what `run()` gives."""
    original = _Function.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return called(self, args, kwargs, lambda: original(self, *args, **kwargs))

    with patching.patched(_Function, "__call__", call):
        yield
