"""Where a function reads names of Python's own whose value matters to what it computes."""

from __future__ import annotations

import ast
from types import NoneType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWS = frozenset(
    {"print", "format", "info", "debug", "warning", "warn", "log", "error", "write", "set_postfix", "set_description"}
    | {"scalar", "histogram", "log_metrics", "add_scalar", "print_v2", "update_summary", "perf_counter", "append"}
)
"""Functions and methods that show or note what they are given."""

_CHAIN = (ast.Name, ast.Attribute, ast.Subscript)


def chains(function: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The longest expressions of names, attributes and fixed keys that a function reads and whose value matters.

    `self.rate`, `state["step"]`; what is only shown, counted up, or looked at to show something, does not matter.
    """
    parents = {id(child): node for node in ast.walk(function) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(function):
        if not isinstance(node, _CHAIN) or not isinstance(node.ctx, ast.Load) or not _is_chain(node):
            continue
        parent = parents.get(id(node))
        if isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node and _is_chain(parent):
            continue
        text = ast.unparse(node)
        if _matters(node, text, parents):
            yield node, text


def changes(function: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """The statements of a function that give such an expression a value made of the old one, with its text."""
    for node in ast.walk(function):
        if isinstance(node, ast.AugAssign) and _is_chain(node.target):
            yield node, ast.unparse(node.target)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and _is_chain(node.targets[0]):
            text = ast.unparse(node.targets[0])
            if any(isinstance(part, _CHAIN) and ast.unparse(part) == text for part in ast.walk(node.value)):
                yield node, text


def calls(function: ast.AST) -> Iterator[ast.Call]:
    """The calls in a function of what goes by names and attributes."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and _is_chain(node.func):
            yield node


def _is_chain(node: ast.AST) -> bool:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        if isinstance(node, ast.Subscript) and not _is_key(node.slice):
            return False
        node = node.value
    return isinstance(node, ast.Name)


def _is_key(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, (str, int))


def _matters(node: ast.expr, text: str, parents: dict[int, ast.AST]) -> bool:
    child: ast.AST = node
    parent = parents.get(id(node))
    while parent is not None:
        match parent:
            case ast.Call() if _shows(parent):
                return False
            case ast.Call() if parent.func is child:
                return False
            case ast.JoinedStr() | ast.Assert():
                return False
            case ast.keyword(arg="step"):
                return False
            case ast.AugAssign() if ast.unparse(parent.target) == text:
                return False
            case ast.Assign():
                targets = [ast.unparse(target) for target in parent.targets]
                is_kept = child is node and all(isinstance(t, (ast.Attribute, ast.Subscript)) for t in parent.targets)
                return text not in targets and not is_kept
            case ast.Return():
                return not _is_handed_back(node, parent)
            case ast.If() if parent.test is child:
                return not all(_only_notes(each) for each in (*parent.body, *parent.orelse))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                return True
            case _:
                pass
        child, parent = parent, parents.get(id(parent))
    return True


def _shows(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in _SHOWS or (isinstance(function, ast.Attribute) and "summary" in ast.unparse(function.value))


def _is_handed_back(node: ast.expr, statement: ast.Return) -> bool:
    """Whether a function returns a value as it is, alone or among others."""
    value = statement.value
    parts = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", [value])
    return any(part is node for part in parts)


def _only_notes(statement: ast.stmt) -> bool:
    """Whether a statement shows something, counts, or ends the run."""
    if isinstance(statement, (ast.Pass, ast.Raise)):
        return True
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign):
        return isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, (bool, NoneType))
    if isinstance(statement, (ast.With, ast.If)):
        return all(map(_only_notes, [*statement.body, *getattr(statement, "orelse", [])]))
    return isinstance(statement, ast.Expr) and (
        isinstance(statement.value, ast.Constant) or (isinstance(statement.value, ast.Call) and _shows(statement.value))
    )
