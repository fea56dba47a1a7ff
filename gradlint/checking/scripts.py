"""Whether importing a file would train a model, or write over what is checked: read, not run."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load.files import content_of
from gradlint.load.search import found_module
from gradlint.source.reading import LARGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TRAINING = frozenset({"fit", "fit_generator", "train_on_batch", "train_step", "apply_gradients", "minimize"})
_SAVING = frozenset({"save", "save_model", "savez", "savez_compressed", "to_csv", "to_parquet", "dump"})


def trains_when_imported(name: str) -> int | None:
    """The first line outside of functions, classes and `if __name__ == ...` that trains; None where there is none.

    Args:
        name: a module, or the path of a `.py` file.
    """
    return min((call.lineno for call in _called(name) if _trains(call)), default=None)


def overwrites_when_imported(name: str, files: Iterable[str]) -> tuple[int, str] | None:
    """The first such line that saves to one of some files, with that file; None where there is none.

    Args:
        name: a module, or the path of a `.py` file.
        files: paths; a script that names a file of the same name in another folder counts as well, as it may go there.
    """
    named = {Path(file).name: file for file in files}
    written = ((call.lineno, Path(word).name) for call in _called(name) if _saves(call) for word in _words(call))
    return min(((line, named[file]) for line, file in written if file in named), default=None)


@functools.lru_cache(maxsize=1)  # what it trains and what it writes are asked one after the other
def _called(name: str) -> tuple[ast.Call, ...]:
    """What importing a module calls."""
    try:
        tree = ast.parse(content_of(_path(name), LARGEST))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError, ImportError):
        return ()
    return tuple(node for node in _executed(tree.body) if isinstance(node, ast.Call))


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


def _saves(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name in _SAVING


def _words(call: ast.Call) -> Iterator[str]:
    """The texts among the arguments of a call."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        for node in ast.walk(argument):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def _trains(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _TRAINING
