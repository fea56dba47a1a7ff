"""How a call is written in the user's source."""

from __future__ import annotations

import ast
import linecache
from dataclasses import dataclass

from gradlint import departures
from gradlint.record.source import tree_of
from gradlint.record.step_record import Frame

_LONGEST = 40
"""Characters of an expression that a message can take."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The target and the sources of a gradient call, as they are written; empty where it cannot be told."""

    target: str = ""
    sources: tuple[str, ...] = ()


def line(file: str, number: int) -> str:
    """One line of a file; empty when it cannot be read."""
    return linecache.getline(file, number)


def arguments(frame: Frame | None, method: str) -> Arguments:
    """The arguments of the call of a method that a frame stands at."""
    tree = None if frame is None else tree_of(frame.file)
    if tree is None or frame is None:
        return Arguments()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == method
            and node.lineno <= frame.line <= (node.end_lineno or node.lineno)
        ):
            given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            target = node.args[0] if node.args else given.get("target")
            sources = node.args[1] if len(node.args) > 1 else given.get("sources")
            parts = sources.elts if isinstance(sources, (ast.List, ast.Tuple)) else [sources]
            return Arguments(_text(target), tuple(_text(part) for part in parts))
    return Arguments()


def says_inference(file: str, number: int) -> bool:
    """Whether a call over a line says `training=False` in so many words."""
    tree = tree_of(file)
    return tree is not None and any(
        keyword.arg == "training" and isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.lineno <= number <= (node.end_lineno or node.lineno)
        for keyword in node.keywords
    )


def _text(node: ast.expr | None) -> str:
    text = "" if node is None else ast.unparse(node)
    return text if len(text) <= _LONGEST else ""


_NUMPY = departures.ALIASES.union(departures.LIBRARIES)
_FUNCTIONS = frozenset(name.rpartition(".")[2] for name in departures.FUNCTIONS)


def leaving(file: str | None, number: int | None) -> str:
    """The call on a line that takes values out of TensorFlow: `.numpy()`, a function, `float()`."""
    tree = tree_of(file) if file is not None else None
    if tree is None or number is None:
        return ""
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.lineno <= number <= (node.end_lineno or node.lineno)
    ]
    by_method = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr in departures.METHODS]
    by_function = [c for c in calls if _is_departure(*ast.unparse(c.func).split("."))]
    by_number = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id in departures.NUMBERS]
    found = next(iter([*by_method, *by_function, *by_number]), None)
    if found is None:
        return ""
    name = ast.unparse(found.func)
    return _text(found) or f"{name if len(name) <= _LONGEST else '.' + name.rpartition('.')[2]}(…)"


def _is_departure(*dotted: str) -> bool:
    return dotted[0] in _NUMPY or dotted[-1] in _FUNCTIONS


def bound_for_nobody(frame: Frame) -> str:
    """The name that the statement at a line binds and that nothing in its function reads; empty where there is none."""
    for function in _functions_at(tree_of(frame.file), frame):
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and node.lineno <= frame.line <= (node.end_lineno or node.lineno):
                target = node.targets[0]
                if len(node.targets) == 1 and isinstance(target, ast.Name):
                    is_read = any(name.id == target.id and isinstance(name.ctx, ast.Load) for name in names)
                    return "" if is_read else target.id
    return ""


def extended(frame: Frame) -> str:
    """The name that the statement at a line adds something to; empty where there is none."""
    tree = tree_of(frame.file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.Assign, ast.AugAssign)) and node.lineno <= frame.line <= (node.end_lineno or 0):
            target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
            if isinstance(target, ast.Name):
                parts = (part.id for part in ast.walk(node.value) if isinstance(part, ast.Name))
                return target.id if isinstance(node, ast.AugAssign) or target.id in parts else ""
    return ""


def has_reset(file: str) -> bool:
    """Whether a file has a function by whose name something begins anew, and that assigns to variables."""
    tree = tree_of(file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and any(word in node.name for word in ("reset", "zero", "clear")):
            if any(isinstance(part, ast.Attribute) and part.attr == "assign" for part in ast.walk(node)):
                return True
    return False


_STORING = frozenset({"append", "extend", "put", "add", "insert", "appendleft", "send", "update"})


def is_stored(frame: Frame, method: str) -> bool:
    """Whether the result of a call is put into an attribute, an entry or a list by the function it stands in."""
    tree = tree_of(frame.file)
    names: set[str] = set()
    for node in ast.walk(tree) if tree is not None else ():
        if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.Call)):
            continue
        if not node.lineno <= frame.line <= (node.end_lineno or node.lineno):
            continue
        if isinstance(node, ast.Call):
            if _stores(node) and any(_calls(argument, method) for argument in node.args):
                return True
        elif node.value is not None and _calls(node.value, method):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in targets):
                return True
            names |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    return any(_keeps(node, names) for function in _functions_at(tree, frame) for node in ast.walk(function))


def function_at(file: str, first: int) -> ast.AST | None:
    """The function of a file that begins at a line, with its decorators; None where that cannot be told."""
    tree = tree_of(file)
    found = _functions_at(tree, Frame(file, first, first))
    if not found and tree is not None:
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda) and node.lineno == first]
    return found[0] if len(found) == 1 else None


def _functions_at(tree: ast.Module | None, frame: Frame) -> list[ast.AST]:
    found: list[ast.AST] = []
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and frame.function in (
            node.lineno,
            *(decorator.lineno for decorator in node.decorator_list),
        ):
            found.append(node)
    return found


def _calls(node: ast.AST, method: str) -> bool:
    return any(isinstance(part, ast.Attribute) and part.attr == method for part in ast.walk(node))


def _stores(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _STORING


def _keeps(node: ast.AST, names: set[str]) -> bool:
    """Whether a statement puts one of some names, as it is, where it outlives the function."""
    if isinstance(node, ast.Assign) and any(isinstance(t, (ast.Attribute, ast.Subscript)) for t in node.targets):
        return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node.value))
    if isinstance(node, ast.Call) and _stores(node):
        return any(isinstance(part, ast.Name) and part.id in names for a in node.args for part in ast.walk(a))
    return False
