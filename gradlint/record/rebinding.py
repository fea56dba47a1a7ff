"""Names that a step takes from a variable to a tensor: its object's attributes, what it encloses, and globals."""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.bindings import lost_bindings
from gradlint.operations import INNER_GRADIENT, Trait, has
from gradlint.record import source, tensors
from gradlint.record.reading import readers_of
from gradlint.record.step_record import Rebound
from gradlint.record.terms import Region
from gradlint.upstream import eager
from gradlint.upstream.functions import python_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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


def lost_in_names(trace: StepTrace, returned: Any, after: Mapping[int, tuple[Any, Any]]) -> Iterator[Rebound]:
    """What lines make of variables for a name that nobody reads: `e = 0.9 * e + 0.1 * w` in a loop over them.

    Args:
        trace: of a step.
        returned: by the step.
        after: the values after the step of the variables that it assigned to, by handle id.
    """
    readers = readers_of(trace)
    gone = {trace.known(leaf) for leaf in keras.tree.flatten(returned) if eager.is_eager(leaf)} | trace.taken
    places: dict[tuple[str, Frames], dict[int, int]] = {}
    for position, op in enumerate(trace.ops):
        frames = trace.frames.get(position, ())
        if op.region is not Region.LOSS or op.is_pseudo or op.is_backward or not frames:
            continue
        if has(op.type, Trait.ASSIGNS) or op.type == "ReadVariableOp" or gone.intersection(op.outputs):
            continue
        if any(readers.get(index) for index in op.outputs):
            continue
        name = _lost_names(frames[0].file).get(frames[0].line)
        if name is not None:
            places.setdefault((name, frames), {}).update(dict.fromkeys(op.outputs, position))
    for (name, frames), made in places.items():
        sources = {handle for index in made for handle in _made_of_variables(trace, index)}
        still = {key for key in sources if not _is_changed(trace, key, after)}
        paths = [tensors.path_of(trace.variables[key][0]) for key in trace.variables if key in (still or sources)]
        if paths:
            yield Rebound(name, tuple(paths), frames, frozenset(made))


@functools.lru_cache(maxsize=64)
def _lost_names(file: str) -> dict[int, str]:
    """The names that lines of a file bind for nobody, by line."""
    tree = source.tree_of(file)
    found = list(lost_bindings(tree)) if tree is not None else []
    return {
        line: lost.name
        for lost in found
        for line in range(lost.statement.lineno, (lost.statement.end_lineno or lost.statement.lineno) + 1)
    }


def _made_of_variables(trace: StepTrace, index: int) -> Iterator[int]:
    """The ids of the handles of variables that a tensor is made of, element by element."""
    shape = trace.tensors[index].shape
    pending, seen = [index], {index}
    while pending:
        position = trace.producers[pending.pop()]
        if position is None:
            continue
        op = trace.ops[position]
        if op.type == "ReadVariableOp":
            handle = trace.tensors[op.inputs[0]]
            keys = [key for key in trace.variables if op.inputs[0] in trace.versions(trace.variables[key][0].handle)]
            yield from keys if handle is None else [eager.tensor_id(handle)]
        elif op.type != INNER_GRADIENT and not op.is_backward:
            same = (i for i in op.inputs if trace.tensors[i] is not None and i not in seen)
            fitting = [i for i in same if trace.tensors[i].shape == shape]
            seen.update(fitting)
            pending += fitting


def _is_changed(trace: StepTrace, key: int, after: Mapping[int, tuple[Any, Any]]) -> bool:
    if key not in after or key not in trace.before:
        return False
    was, now = trace.before[key][1], after[key][1]
    return not np.array_equal(eager.array_of(was), eager.array_of(now), equal_nan=True)


def _names(step: Callable[..., Any], given: Sequence[Any]) -> Iterator[Name]:
    function, owner = python_function(step)
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
