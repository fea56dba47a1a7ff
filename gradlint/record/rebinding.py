"""Names that a step takes from a variable to a tensor: its object's attributes, what it encloses, and globals."""

from __future__ import annotations

import contextlib
import inspect
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from gradlint.record import source
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gradlint.record.observation import StepTrace
    from gradlint.record.step_record import Frames


@dataclass(frozen=True, slots=True)
class Name:
    """A name that a variable goes by.

    Attributes:
        text: as the user writes it.
        get: what it is bound to now.
        put: binds it to something else.
    """

    text: str
    variable: Any
    get: Callable[[], Any]
    put: Callable[[Any], None]


@contextlib.contextmanager
def names_kept(step: Callable[..., Any], given: Sequence[Any]) -> Iterator[tuple[Name, ...]]:
    """The names that variables go by in a step, and in the objects that it knows; afterwards they are theirs again."""
    names = tuple(_names(step, given))
    try:
        yield names
    finally:
        for name in names:
            if name.get() is not name.variable:
                name.put(name.variable)


def rebound(names: Sequence[Name], trace: StepTrace) -> Iterator[tuple[str, Any, Frames]]:
    """The names of variables that a gradient is asked of and that are bound to tensors, with where those were made."""
    asked = {eager.tensor_id(tensor) for call in trace.live_calls for tensor in call.sources}
    for name in names:
        value = name.get()
        if eager.is_eager(value) and eager.tensor_id(eager.handle_of(name.variable)) in asked:
            index = trace.known(value)
            position = trace.producers[index] if index is not None else None
            yield name.text, name.variable, trace.frames.get(position, ()) if position is not None else ()


def _names(step: Callable[..., Any], given: Sequence[Any]) -> Iterator[Name]:
    function = getattr(step, "python_function", step)
    owner = getattr(function, "__self__", None)
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    owners = [("self", owner), *((type(value).__name__, value) for value in given)]
    if code is not None:
        for text, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
            with contextlib.suppress(ValueError):  # not bound yet
                value = cell.cell_contents
                if _is_variable(value):
                    at = "cell_contents"
                    yield Name(text, value, partial(getattr, cell, at), partial(setattr, cell, at))
                owners.append((text, value))
        for text in code.co_names:
            value = function.__globals__.get(text)
            if _is_variable(value):
                yield _entry(function.__globals__, text, text, value)
            owners.append((text, value))
    seen: set[int] = set()
    for text, value in owners:
        if id(value) not in seen and source.is_of_user(value):
            seen.add(id(value))
            for name, held in list(vars(value).items()):
                if _is_variable(held):
                    yield _entry(vars(value), name, f"{text}.{name}", held)


def _entry(place: dict[str, Any], key: str, text: str, variable: Any) -> Name:
    # Past the attributes' own setters: Keras refuses a layer that is built.
    return Name(text, variable, partial(place.get, key), partial(place.__setitem__, key))


def _is_variable(value: Any) -> bool:
    return isinstance(value, (keras.Variable, tf.Variable))
