"""Python numbers that functions which are traced once compute with, and that the file changes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gradlint.reads import chains, changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.source.module import Module

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_TRACING = frozenset({"tf.function", "tensorflow.function", "tf2.function"})


def frozen_numbers(module: Module) -> Iterator[tuple[ast.expr, str, int]]:
    """Where a traced function reads a number, its text, and the line that changes it; each number once a function."""
    if "function" not in module.text and "train_step" not in module.text:
        return
    file = _File(module.tree)
    for function, owner in file.functions:
        if not _is_traced(function, owner):
            continue
        told: set[str] = set()
        for node, text in sorted(chains(function), key=lambda pair: (pair[0].lineno, pair[0].col_offset)):
            if text in told or not file.is_shared(function, owner, text):
                continue
            line = file.change_of(function, owner, text)
            if line is not None:
                told.add(text)
                yield node, text, line


def _is_traced(function: _Function, owner: ast.ClassDef | None) -> bool:
    made = (each.func if isinstance(each, ast.Call) else each for each in function.decorator_list)
    if any(ast.unparse(each) in _TRACING for each in made):
        return True
    bases = [ast.unparse(base) for base in owner.bases] if owner is not None else []
    return function.name == "train_step" and any(base in ("keras.Model", "tf.keras.Model", "Model") for base in bases)


class _File:
    """The functions of a file, and what they share.

    Attributes:
        functions: with the class that each is a method of.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.functions: list[tuple[_Function, ast.ClassDef | None]] = []
        self._tree = tree
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    self.functions.append((child, node if isinstance(node, ast.ClassDef) else None))

    def is_shared(self, function: _Function, owner: ast.ClassDef | None, text: str) -> bool:
        """Whether an expression in a function reads what outlives it, and what the file begins with a number."""
        base = text.split(".")[0].split("[")[0]
        itself = function.args.args[0].arg if owner is not None and function.args.args else None
        if base == itself:
            return owner is not None and any(_begins(node, text) for node in ast.walk(owner))
        return base not in _locals(function) and any(
            _begins(node, text) for node in ast.walk(self._tree) if node is not function
        )

    def change_of(self, function: _Function, owner: ast.ClassDef | None, text: str) -> int | None:
        """The line that gives it a value made of the old one, or at which a loop of the module counts it."""
        is_own = owner is not None and text.startswith("self.")
        others = [each for each, cls in self.functions if each is not function and (not is_own or cls is owner)]
        for each in (function, *others):
            if is_own or each is function or _declares(each, text) or "[" in text or "." in text:
                for statement, changed in changes(each):
                    if changed == text:
                        return statement.lineno
        if not is_own:
            for node in _of_module(self._tree):
                if isinstance(node, ast.AugAssign) and ast.unparse(node.target) == text:
                    return node.lineno
        return None


def _of_module(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs when the file does, and stands in no function."""
    stack: list[ast.AST] = [*tree.body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(node))


def _locals(function: _Function) -> set[str]:
    """The names of a function's own."""
    given = function.args
    found = {argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)}
    shared: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            shared.update(node.names)
    return found - shared


def _declares(function: _Function, name: str) -> bool:
    return any(isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names for node in ast.walk(function))


def _begins(node: ast.AST, text: str) -> bool:
    """Whether a statement gives an expression a number: `self.step = 0`, `state = {"step": 0}`."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return False
    target = ast.unparse(node.targets[0])
    if target == text:
        return _is_number(node.value)
    if isinstance(node.value, ast.Dict) and text.startswith(f"{target}["):
        entries = zip(node.value.keys, node.value.values, strict=True)
        return any(
            key is not None and f"{target}[{ast.unparse(key)}]" == text and _is_number(value) for key, value in entries
        )
    return False


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)
