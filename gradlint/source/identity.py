"""What a value of a source file is, told from the value alone: what tells it from others, and where it stands."""

from __future__ import annotations

import ast
import re

from gradlint.source.expressions import TRANSPARENT, settled
from gradlint.source.names import last
from gradlint.source.values import Context, Kind, Place, Scope, Value

LOSS_NAME = re.compile(
    r"loss|criterion|\b_?(mse|mae|bce|mse_fn|bce_fn|kld?)\b|cross_?entropy|divergence|huber", re.IGNORECASE
)


def is_plain(scope: Scope) -> bool:
    """Whether a function does what its body says, when it is called."""
    return not scope.is_generator and all(name.startswith(TRANSPARENT) for name in scope.decorators)


def unwrapped(value: Value) -> Value:
    """The function behind `tf.function(f)`, `functools.partial(f, …)` and the like."""
    origin = settled(value)
    while origin.kind is Kind.CALL and origin.name in ("tensorflow.function", "tensorflow.recompute_grad"):
        first = origin.argument(0, "func")
        if first is None:
            return origin
        origin = settled(first)
    return origin


def key(value: Value) -> str:
    """What tells one object from another, once a file was read: the same text for the same attribute of one object."""
    if not value.known_key:
        value.known_key = _key(settled(value))
    return value.known_key


def _key(origin: Value) -> str:
    match origin.kind:
        case Kind.NAME:
            return origin.name
        case Kind.UNKNOWN if origin.name and not origin.inputs:
            return f"?{origin.name}"
        case Kind.PARAMETER:
            scope = origin.place.scope
            if scope.owner is not None and origin is scope.self_parameter:
                return f"self@{id(scope.owner)}"
            return f"%{origin.order}"
        case Kind.ATTRIBUTE:
            return f"{key(origin.inputs[0])}.{origin.name}"
        case Kind.ITEM if origin.inputs[1].kind is Kind.CONSTANT:
            return f"{key(origin.inputs[0])}[{origin.inputs[1].literal!r}]"
        case _:
            return f"%{origin.order}"


def is_part_of(inner: str, outer: str) -> bool:
    """Whether one key names something that hangs on another."""
    return inner.startswith((f"{outer}.", f"{outer}["))


def root(value: Value) -> Value:
    """The object an attribute, an item, or a part of it, hangs on in the end."""
    origin = settled(value)
    while origin.kind in (Kind.ATTRIBUTE, Kind.ITEM, Kind.PART, Kind.ELEMENT, Kind.UPDATE) and origin.inputs:
        origin = settled(origin.inputs[0])
    return origin


def position(value: Value) -> tuple[int, int]:
    """Line and column, both from 1, at which to point for a value; of a method's call, where its name stands."""
    node = value.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.end_lineno is not None:
        column = (node.func.end_col_offset or 0) - len(node.func.attr)
        if node.func.end_lineno != node.func.lineno:
            return node.func.end_lineno, column + 1
        return node.lineno, node.col_offset + 1
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1


def is_loss_name(name: str) -> bool:
    """Whether something is named like a loss."""
    return LOSS_NAME.search(name) is not None


def place_of(value: Value, context: Context) -> tuple[Place, ...]:
    """The places that hold around a value: its own, and those of the calls that lead to it."""
    return (*(call.place for call in context), value.place)


def method_name(call: Value) -> str:
    """The name under which something is called: the method, or the last part of a dotted name."""
    return call.callee.name if call.callee.kind is Kind.ATTRIBUTE else last(call.name)
