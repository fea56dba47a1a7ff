"""What is meant to go wrong: tests that wait for an exception, or assert that a gradient is None."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from gradlint.source.lineage import readers
from gradlint.source.values import Kind, Scope, Value

if TYPE_CHECKING:
    from gradlint.source.module import Module

_TEST_NAME = re.compile(r"^_?test|_test\b|Test|bench|profil|warm_?up|_timing", re.IGNORECASE)


def is_test(module: Module, value: Value) -> bool:
    """Whether something stands in a test or a benchmark, where results may be dropped on purpose."""
    names = [module.path.replace("\\", "/").rpartition("/")[2]]
    scope: Scope | None = value.place.scope
    while scope is not None:
        names.extend((scope.name, scope.owner.name if scope.owner is not None else ""))
        scope = scope.parent
    return any(_TEST_NAME.search(name) for name in names)


def is_meant_to_fail(module: Module, scope: Scope) -> bool:
    """Whether the class of a method stands in a function that waits for an exception."""
    outer = scope.owner.parent if scope.owner is not None else None
    if outer is None or outer.kind != "function":
        return False
    return any(each.place.raises for each in module.values if each.place.scope is outer)


def is_expected_none(module: Module, value: Value) -> bool:
    """Whether a test asserts that a value, or a part of it, is None."""
    for user in readers(module, value, _is_part):
        if user.kind is Kind.CALL and user.callee.kind is Kind.ATTRIBUTE:
            if user.callee.name == "assertIsNone" or (
                user.callee.name in ("assertIs", "assertEqual") and any(_is_none(each) for each in user.arguments)
            ):
                return True
        elif user.kind is Kind.COMPARISON and user.name in ("Is", "Eq") and id(user) in module.kept:
            if any(_is_none(each) for each in user.inputs) and is_test(module, user):
                return True
    return False


def _is_part(value: Value) -> bool:
    return value.kind in (Kind.PHI, Kind.PART, Kind.ITEM, Kind.ELEMENT)


def _is_none(value: Value) -> bool:
    return isinstance(value.node, ast.Constant) and value.literal is None
