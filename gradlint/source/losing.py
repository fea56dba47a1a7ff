"""What a loop over variables or gradients makes of one for a name that the next turn binds anew."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from gradlint.bindings import FRESH, LostBinding, lost_bindings
from gradlint.source.expressions import settled
from gradlint.source.names import last
from gradlint.source.pairs import question_behind
from gradlint.source.values import Kind, Value
from gradlint.source.variables import parts_of
from gradlint.source.verdicts import is_variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.source.module import Module

_OF_VARIABLES = re.compile(r"(^|_)(weights|variables|vars|params|parameters)$")
_OF_GRADIENTS = re.compile(r"(^|_)(grads|gradients)$")
_READS_OUT = frozenset({"numpy", "value", "read_value", "shape", "path", "name"})


def lost_updates(module: Module) -> Iterator[tuple[Value, str]]:
    """What is made of a variable for a name that nobody reads, with the name."""
    for lost, value, listed in _lost(module):
        if listed is None or _is_of_variables(module, listed):
            yield value, lost.name


def lost_gradients(module: Module) -> Iterator[tuple[Value, str]]:
    """What is made of a gradient for a name that nobody reads, with the name."""
    for lost, value, listed in _lost(module):
        if listed is not None and not _is_of_variables(module, listed) and _is_of_gradients(listed):
            yield value, lost.name


@lru_cache(maxsize=4)
def _lost(module: Module) -> tuple[tuple[LostBinding, Value, Value | None], ...]:
    """Lost bindings with what they bind, and the list that the name is an element of; None for a list made anew."""
    lost = [each for each in lost_bindings(module.tree) if each.loop is not None or "[" in each.name]
    if not lost:
        return ()
    values = {id(value.node): value for value in module.values if value.node is not None}
    turns = {id(value.node): value.inputs[0] for value in module.values if value.kind is Kind.ELEMENT}
    found: list[tuple[LostBinding, Value, Value | None]] = []
    for each in lost:
        computed = each.value
        if computed is None or _reads_out(computed):
            continue
        value = values.get(id(computed), values.get(id(each.statement)))
        if value is None:
            continue
        loop = each.loop
        iterable = turns.get(id(loop.target)) if loop is not None else None
        listed = None
        if loop is not None and iterable is not None:
            listed = _listed(iterable, loop.target, each.name)
        if listed is not None or loop is None:
            found.append((each, value, listed))
    return tuple(found)


def _reads_out(node: ast.expr) -> bool:
    """Whether a value is only another form of the old one: `w = w.numpy()`."""
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Attribute) and called.attr in _READS_OUT


def _listed(iterable: Value, target: ast.expr, name: str) -> Value | None:
    """The list that a loop takes the value of a name from, through `zip`, `enumerate` and the like."""
    if isinstance(target, ast.Name):
        return iterable if target.id == name else None
    origin = settled(iterable)
    if not isinstance(target, (ast.Tuple, ast.List)) or origin.kind is not Kind.CALL:
        return None
    called, given = last(origin.name), origin.arguments
    if called == "enumerate" and len(target.elts) == 2 and given:
        return _listed(given[0], target.elts[1], name)
    if called in ("list", "tuple", "reversed", "tqdm") and given:
        return _listed(given[0], target, name)
    if called == "zip":
        for part, each in zip(target.elts, given, strict=False):
            found = _listed(each, part, name)
            if found is not None:
                return found
    return None


def _is_of_variables(module: Module, listed: Value) -> bool:
    origin = settled(listed)
    if question_behind(origin) is not None:
        return False
    parts = parts_of(module, listed)
    if parts and all(part.is_model or is_variable(module, part.value) for part in parts):
        return True
    if origin.kind is Kind.COMPREHENSION:
        return is_variable(module, settled(origin.inputs[0]))
    return origin.kind in (Kind.PARAMETER, Kind.ATTRIBUTE) and (
        origin.name in FRESH or bool(_OF_VARIABLES.search(origin.name))
    )


def _is_of_gradients(listed: Value) -> bool:
    origin = settled(listed)
    return question_behind(listed) is not None or (
        origin.kind is Kind.PARAMETER and bool(_OF_GRADIENTS.search(origin.name))
    )
