"""Whether importing a file would train a model: read, not run."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load.search import found_module

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRAINING = frozenset({"fit", "fit_generator", "train_on_batch", "train_step", "apply_gradients", "minimize"})


def trains_when_imported(name: str) -> int | None:
    """The first line outside of functions, classes and `if __name__ == ...` that trains; None where there is none.

    Args:
        name: a module, or the path of a `.py` file.
    """
    try:
        tree = ast.parse(_path(name).read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, ImportError):
        return None
    return min(
        (node.lineno for node in _executed(tree.body) if isinstance(node, ast.Call) and _trains(node)), default=None
    )


def _path(name: str) -> Path:
    if name.endswith(".py"):
        return Path(name)
    found = None if "." in name else found_module(name)  # finding a deeper one would import its parents
    return Path(found.origin if found is not None and found.origin else "")


def _executed(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Everything that runs when a module is imported."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def _trains(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _TRAINING
