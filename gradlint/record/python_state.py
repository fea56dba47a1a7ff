"""Numbers of Python's own that a `tf.function` of a step reads, and that the step changes: they are traced once."""

from __future__ import annotations

import ast
import contextlib
import inspect
from dataclasses import dataclass
from types import MethodType, ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint import reads
from gradlint.record import call_text, source
from gradlint.record.step_record import Frame, FrozenNumber
from gradlint.upstream import steps
from gradlint.upstream.functions import is_traced, on_traced_call, python_function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_MOST = 200
"""Functions of the user's that are looked at."""

_MOST_CALLS = 50
"""Calls of traced functions in one step that are looked at."""

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class _Slot:
    """A place that holds a number: an entry of a dict, or of the attributes of an object, or a cell."""

    holder: Any
    key: Any
    of_class: Any = _NOTHING
    """What an object without such an attribute of its own has by its class."""

    def get(self) -> Any:
        if isinstance(self.holder, (dict, list)):
            with contextlib.suppress(LookupError):
                return self.holder[self.key]
            return self.of_class
        return getattr(self.holder, self.key, _NOTHING)

    def put(self, value: Any) -> None:
        if value is self.of_class:
            self.holder.pop(self.key, None)
        elif isinstance(self.holder, (dict, list)):
            self.holder[self.key] = value
        else:
            setattr(self.holder, self.key, value)


@dataclass(frozen=True, slots=True)
class _Read:
    """Where code that is traced reads a number."""

    text: str
    slot: _Slot
    function: str
    frame: Frame


@dataclass(frozen=True, slots=True)
class _Changed:
    """Where code gives a number a value made of the old one."""

    slot: _Slot
    frame: Frame
    is_traced: bool


class Numbers:
    """The numbers that the traced functions of a step read, from before it runs.

    Args:
        step: the step.
        args: its positional arguments.
        kwargs: the others.
        is_opened: functions run eagerly because gradlint has them do so.
    """

    def __init__(
        self, step: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], *, is_opened: bool = False
    ) -> None:
        self._reads: list[_Read] = []
        self._changes: list[_Changed] = []
        self._seen: set[tuple[int, ...]] = set()
        if is_opened or not tf.config.functions_run_eagerly():
            self._follow(step, args, kwargs)
        self._before = [(read.slot, read.slot.get()) for read in self._reads]

    def changed(self) -> Iterator[FrozenNumber]:
        """Those that are others now."""
        told: set[tuple[str, Frame]] = set()
        for read, (slot, was) in zip(self._reads, self._before, strict=True):
            now = slot.get()
            if not _is_number(now) or now == was or (read.text, read.frame) in told:
                continue
            told.add((read.text, read.frame))
            here = [c for c in self._changes if c.slot.holder is slot.holder and c.slot.key == slot.key]
            inside = [c for c in here if c.is_traced]
            changed = next((change.frame for change in (*inside, *here)), None)
            yield FrozenNumber(read.text, read.function, float(was), float(now), read.frame, changed, bool(inside))

    def put_back(self) -> None:
        """Give those that are others now the values of before."""
        for slot, was in self._before:
            if slot.get() is not was:
                slot.put(was)

    # -- who reads what --------------------------------------------------------------------------------

    def _follow(self, step: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        pending = [(step, False, tuple(args), dict(kwargs))]
        while pending and len(self._seen) < _MOST:
            given, is_inside, args, kwargs = pending.pop()
            for function, owner in _functions_behind(given):
                is_here = is_inside or is_traced(given) or _is_own_step(function, owner)
                key = (id(function.__code__), id(owner), is_here, *map(id, args))
                node = None if key in self._seen else _node_of(function)
                if node is None:
                    continue
                self._seen.add(key)
                names = _Names(function, owner, args, kwargs)
                self._look(node, function, names, is_traced=is_here)
                for call in reads.calls(node):
                    value = names.value_of(call.func)
                    if value is not None:
                        handed = {part.arg: names.value_of(part.value) for part in call.keywords if part.arg}
                        pending.append((value, is_here, tuple(map(names.value_of, call.args)), handed))

    def _look(self, node: ast.AST, function: Any, names: _Names, *, is_traced: bool) -> None:
        code = function.__code__

        def frame(part: ast.AST) -> Frame:
            return Frame(code.co_filename, getattr(part, "lineno", code.co_firstlineno), code.co_firstlineno)

        for part, text in reads.chains(node) if is_traced else ():
            slot = names.slot_of(part)
            if slot is not None and _is_number(slot.get()):
                self._reads.append(_Read(text, slot, function.__name__, frame(part)))
        for statement, _ in reads.changes(node):
            target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]  # type: ignore[attr-defined]
            slot = names.slot_of(target)
            if slot is not None:
                self._changes.append(_Changed(slot, frame(statement), is_traced))


class Watched:
    """The numbers that a step knows before it runs, and those of the traced functions that it calls.

    Attributes:
        frozen: those that were others afterwards.
    """

    def __init__(self, step: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._is_eager = tf.config.functions_run_eagerly()
        self._numbers = [Numbers(step, args, kwargs)]
        self._inside: list[FrozenNumber] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look at the calls of traced functions: the step may make their objects itself."""
        if self._is_eager:
            yield
            return
        with on_traced_call(self._called):
            yield

    def frozen(self) -> tuple[FrozenNumber, ...]:
        """Those that are others now."""
        return tuple({(n.text, n.frame): n for n in (*self._inside, *self._numbers[0].changed())}.values())

    def put_back(self) -> None:
        """Give those that are others now the values of before."""
        for numbers in reversed(self._numbers):
            numbers.put_back()

    def _called(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], run: Callable[[], Any]) -> Any:
        if len(self._numbers) > _MOST_CALLS:
            return run()
        numbers = Numbers(function, args, kwargs, is_opened=True)
        self._numbers.append(numbers)
        try:
            return run()
        finally:
            self._inside.extend(numbers.changed())


class _Names:
    """What the names of a function stand for, as far as that is known before it runs."""

    def __init__(self, function: Any, owner: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._globals = function.__globals__
        code = function.__code__
        self._cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))
        given = [*([owner] if owner is not None else []), *args]
        self._local: dict[str, Any] = {
            **dict.fromkeys(code.co_varnames, _NOTHING),
            **dict(zip(code.co_varnames[: code.co_argcount], given, strict=False)),
            **kwargs,
        }

    def slot_of(self, node: ast.expr) -> _Slot | None:
        """The place that an expression reads."""
        if isinstance(node, ast.Name):
            if node.id in self._local:
                return None
            if node.id in self._cells:
                return _Slot(self._cells[node.id], "cell_contents")
            return _Slot(self._globals, node.id) if node.id in self._globals else None
        if isinstance(node, ast.Attribute):
            base = self._value(node.value)
            if not _holds_attributes(base):
                return None
            of_class = getattr(type(base), node.attr, _NOTHING)
            of_class = of_class if _is_number(of_class) else _NOTHING
            return _Slot(vars(base), node.attr, of_class) if node.attr in vars(base) or _is_number(of_class) else None
        if isinstance(node, ast.Subscript):
            base = self._value(node.value)
            with contextlib.suppress(ValueError):
                return _Slot(base, ast.literal_eval(node.slice)) if isinstance(base, (dict, list)) else None
        return None

    def value_of(self, node: ast.expr) -> Any:
        """What is called: a function, a method, a layer; None where that cannot be told."""
        value = self._value(node)
        return None if value is _NOTHING else value

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id in self._local:
            return self._local[node.id]
        slot = self.slot_of(node)
        if slot is not None:
            with contextlib.suppress(ValueError):  # a cell without contents
                return slot.get()
        if isinstance(node, ast.Attribute):
            base = self._value(node.value)
            if _holds_attributes(base) and not isinstance(inspect.getattr_static(base, node.attr, None), property):
                with contextlib.suppress(Exception):
                    return getattr(base, node.attr, _NOTHING)
        return _NOTHING


def _functions_behind(value: Any) -> Iterator[tuple[Any, Any]]:
    """The Python functions of the user's that a call runs, with what they are bound to."""
    found = [value]
    if isinstance(value, keras.Layer):
        layers = {id(layer): layer for layer in (value, *steps.layers_of(value))}.values()
        found = [MethodType(type(layer).call, layer) for layer in layers if source.is_of_user(layer)]
    elif not inspect.isroutine(value) and not is_traced(value) and source.is_of_user(value) and callable(value):
        found = [MethodType(type(value).__call__, value)]
    for each in found:
        function, owner = python_function(each)
        if inspect.isfunction(function) and not source.is_library(function.__code__.co_filename):
            yield function, owner


def _is_own_step(function: Any, owner: Any) -> bool:
    """Whether `fit` traces a function by itself."""
    return function.__name__ == "train_step" and isinstance(owner, keras.Model) and not owner.run_eagerly


def _node_of(function: Any) -> ast.AST | None:
    code = function.__code__
    return call_text.function_at(code.co_filename, code.co_firstlineno)


def _holds_attributes(value: Any) -> bool:
    return isinstance(value, (SimpleNamespace, ModuleType)) or (value is not _NOTHING and source.is_of_user(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
