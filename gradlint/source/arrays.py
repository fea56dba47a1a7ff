"""Arrays of tensors, which in a graph are not changed by what is written into them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gradlint.source.expressions import settled
from gradlint.source.names import last
from gradlint.source.values import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.source.module import Module
    from gradlint.source.values import Value

_WRITING = frozenset({"write", "scatter", "split", "unstack"})


def dropped_writes(module: Module) -> Iterator[tuple[Value, str]]:
    """Calls that return a `tf.TensorArray` with new elements, and stand alone as a statement; with the method."""
    alone = {id(node.value) for node in ast.walk(module.tree) if isinstance(node, ast.Expr)}
    for value in module.values:
        if value.kind is not Kind.CALL or id(value.node) not in alone or value.place.raises:
            continue
        method = value.callee
        if method.kind is Kind.ATTRIBUTE and method.name in _WRITING and _is_array(method.inputs[0]):
            yield value, method.name


def _is_array(value: Value) -> bool:
    origin = settled(value)
    while origin.kind is Kind.CALL and origin.callee.kind is Kind.ATTRIBUTE and origin.callee.name in _WRITING:
        origin = settled(origin.callee.inputs[0])
    if origin.kind is Kind.PHI:  # `array = array.write(...)` in a loop, and another write beside it
        return any(each is not value and each.kind is not Kind.PHI and _is_array(each) for each in origin.inputs)
    return origin.kind is Kind.CALL and last(origin.name) == "TensorArray"
