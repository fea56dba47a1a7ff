"""What optimizers are given: pairs of gradients and variables, and where each half comes from."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from gradlint.source.expressions import QUESTIONS, is_tape, settled
from gradlint.source.names import last, words
from gradlint.source.values import Kind, Value
from gradlint.source.variables import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.source.module import Module
    from gradlint.source.variables import Part

_ELEMENTWISE = words(
    """
    clip_by_norm clip_by_value clip_by_average_norm identity convert_to_tensor cast list tuple
    get_unscaled_gradients clip_by_global_norm
    """
)


@dataclass(frozen=True, slots=True)
class Application:
    """One call that hands gradients to an optimizer.

    Attributes:
        call: `apply_gradients(…)` or `apply(…)`.
        gradients, variables: the two halves; None when they cannot be told apart.
        pairing: the `zip` that makes the pairs, if there is one.
    """

    call: Value
    gradients: Value | None
    variables: Value | None
    pairing: Value | None = None


def applications(module: Module) -> list[Application]:
    """All calls of `apply_gradients`, and those of `apply` that are given gradients of a tape."""
    return list(_applications(module))


def _applications(module: Module) -> Iterator[Application]:
    for call in module.calls:
        callee = settled(call.callee)
        if callee.kind is not Kind.ATTRIBUTE:
            continue
        if callee.name == "apply_gradients":
            given = call.argument(0, "grads_and_vars")
            if given is not None:
                yield _paired(call, given)
        elif callee.name == "apply":
            gradients, variables = call.argument(0, "grads"), call.argument(1, "trainable_variables")
            if gradients is not None and question_behind(gradients) is not None:
                yield Application(call, gradients, variables)


def _paired(call: Value, given: Value) -> Application:
    origin = settled(given)
    while origin.kind is Kind.CALL and origin.name in ("builtins.list", "builtins.tuple") and origin.arguments:
        origin = settled(origin.arguments[0])
    if origin.kind is Kind.CALL and origin.name == "builtins.zip" and len(origin.arguments) == 2:
        return Application(call, origin.arguments[0], origin.arguments[1], origin)
    if origin.kind is Kind.SEQUENCE and origin.inputs:
        rows = [settled(each) for each in origin.inputs]
        if len(rows) == 1 and rows[0].kind is Kind.SEQUENCE and len(rows[0].inputs) == 2:
            return Application(call, rows[0].inputs[0], rows[0].inputs[1], origin)
    if origin.kind is Kind.COMPREHENSION and isinstance(origin.node, (ast.ListComp, ast.GeneratorExp)):
        element = settled(origin.inputs[0])
        if element.kind is Kind.SEQUENCE and len(element.inputs) == 2:
            first, second = (_listed(each) for each in element.inputs)
            return Application(call, first, second, origin)
    return Application(call, None, None)


def _listed(element: Value) -> Value | None:
    """The list whose elements a comprehension goes through."""
    origin = settled(element)
    if origin.kind is Kind.ELEMENT:
        return origin.inputs[0]
    if origin.kind is Kind.PART:
        outer = settled(origin.inputs[0])
        if outer.kind is Kind.ELEMENT:
            iterable = settled(outer.inputs[0])
            if (
                iterable.kind is Kind.CALL
                and iterable.name == "builtins.zip"
                and origin.index < len(iterable.arguments)
            ):
                return iterable.arguments[origin.index]
    if origin.kind is Kind.CALL and last(origin.name) in _ELEMENTWISE and origin.arguments:
        return _listed(origin.arguments[0])
    if origin.kind is Kind.CHOICE:
        return _listed(origin.inputs[0])
    if origin.kind is Kind.OPERATION and origin.name in ("Mult", "Div"):
        return _listed(origin.inputs[0])
    return None


def question_behind(gradients: Value) -> tuple[Value, int | None] | None:
    """The `tape.gradient` that a list of gradients comes from, and which part of its answer it is."""
    origin, index = settled(gradients), None
    for _ in range(20):
        if origin.kind is Kind.CALL and origin.callee.kind is Kind.ATTRIBUTE and origin.callee.name in QUESTIONS:
            return (origin, index) if _is_of_tape(origin) else None
        if origin.kind is Kind.CALL and _call_name(origin) in _ELEMENTWISE and origin.arguments:
            origin = settled(origin.arguments[0])
        elif origin.kind in (Kind.PART, Kind.ITEM):
            inner = settled(origin.inputs[0])
            place = origin.index if origin.kind is Kind.PART else origin.inputs[1].literal
            if inner.kind is Kind.CALL and last(inner.name) == "clip_by_global_norm":
                if place != 0 or not inner.arguments:
                    return None
                origin = settled(inner.arguments[0])
            elif isinstance(place, int) and index is None:
                origin, index = inner, place
            else:
                return None
        elif origin.kind is Kind.COMPREHENSION and isinstance(origin.node, (ast.ListComp, ast.GeneratorExp)):
            if any(generator.ifs for generator in origin.node.generators):
                return None
            listed = _listed(origin.inputs[0])
            if listed is None:
                return None
            origin = settled(listed)
        else:
            return None
    return None


def _is_of_tape(call: Value) -> bool:
    receiver = settled(call.callee.inputs[0])
    return is_tape(receiver) or receiver.kind in (Kind.PARAMETER, Kind.ATTRIBUTE)


def _call_name(call: Value) -> str:
    return last(call.name) if call.name else call.callee.name


def unturned(value: Value) -> tuple[Value, bool]:
    """A list as it is before `reversed()` or `[::-1]`, and whether it is turned round."""
    origin, is_turned = settled(value), False
    for _ in range(20):
        if origin.kind is Kind.CALL and origin.name in ("builtins.list", "builtins.tuple") and origin.arguments:
            origin = settled(origin.arguments[0])
        elif origin.kind is Kind.CALL and origin.name == "builtins.reversed" and len(origin.arguments) == 1:
            origin, is_turned = settled(origin.arguments[0]), not is_turned
        elif origin.kind is Kind.ITEM and isinstance(origin.node, ast.Subscript) and _turns(origin.node.slice):
            origin, is_turned = settled(origin.inputs[0]), not is_turned
        else:
            break
    return origin, is_turned


def _turns(index: ast.expr) -> bool:
    return isinstance(index, ast.Slice) and ast.unparse(index) == "::-1"


def differentiated(module: Module, gradients: Value) -> list[Part] | None:
    """The variables that a list of gradients belongs to, in order."""
    found = question_behind(gradients)
    if found is None:
        return None
    call, index = found
    sources = call.argument(1, "sources")
    if sources is None:
        return None
    if index is not None:
        origin = settled(sources)
        if origin.kind is not Kind.SEQUENCE or not -len(origin.inputs) <= index < len(origin.inputs):
            return None
        sources = origin.inputs[index]
    return parts_of(module, sources)


@lru_cache(maxsize=1)
def applied_questions(module: Module) -> frozenset[int]:
    """Identities of the `tape.gradient` calls whose answers reach an optimizer in this file."""
    found: set[int] = set()
    for call in module.calls:
        callee = settled(call.callee)
        if callee.kind is Kind.ATTRIBUTE and callee.name in ("apply_gradients", "apply", "apply_gradient", "minimize"):
            found |= sources_of(call)
    return frozenset(found)


def sources_of(value: Value) -> set[int]:
    """Identities of all that a value is made of, whatever the way."""
    seen = {id(value)}
    stack = [value]
    while stack and len(seen) < 5000:
        for each in stack.pop().inputs:
            if id(each) not in seen:
                seen.add(id(each))
                stack.append(each)
    return seen
