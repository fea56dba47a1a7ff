"""Names that a statement binds to what it makes of their own value, and that no line reads afterwards."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FRESH = frozenset({"trainable_variables", "trainable_weights", "non_trainable_variables", "variables", "weights"})
"""Attributes of Keras that make a list anew at each access: an entry that is put into one is lost with it."""

_Above = tuple[ast.AST, ...]
_Position = tuple[int, int]
_LOOPS = (ast.For, ast.AsyncFor)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_BLOCKS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Module)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BY_OTHER_MEANS = frozenset({"locals", "vars", "exec", "eval", "globals"})


@dataclass(frozen=True, slots=True)
class LostBinding:
    """One such statement.

    Attributes:
        name: as the user writes it.
        loop: the innermost loop that gives the name its value; None where none does.
    """

    statement: ast.stmt
    name: str
    loop: ast.For | ast.AsyncFor | None = None

    @property
    def value(self) -> ast.expr | None:
        """What the name is bound to, or changed by."""
        return getattr(self.statement, "value", None)


def lost_bindings(tree: ast.AST) -> Iterator[LostBinding]:
    """The statements of a file, or of a function, that make something of a name's value for nobody.

    `for w, g in zip(weights, gradients): w = w - rate * g` binds the name that the loop binds again.
    """
    for block in ast.walk(tree):
        if isinstance(block, _BLOCKS):
            yield from _lost_in(block)


def _lost_in(block: ast.AST) -> Iterator[LostBinding]:
    inside = list(_statements(block))
    shared = {name for each, _ in inside if isinstance(each, (ast.Global, ast.Nonlocal)) for name in each.names}
    makers = [(each, target, above) for each, above in inside if (target := _made_of_itself(each)) is not None]
    if not makers:
        return
    lines = _Lines(block, inside)
    if not _BY_OTHER_MEANS.isdisjoint(lines.reads):
        return
    for statement, target, above in makers:
        if isinstance(target, ast.Subscript):
            yield LostBinding(statement, ast.unparse(target))
        elif target.id not in shared:
            loop = next((e for e in reversed(above) if isinstance(e, _LOOPS) and target.id in _bound_by(e)), None)
            if not lines.read(statement, target.id, loop, above):
                yield LostBinding(statement, target.id, loop)


def _statements(block: ast.AST) -> Iterator[tuple[ast.stmt, _Above]]:
    """The statements of a block, and of no function or class inside of it, with those around, innermost last."""
    stack: list[tuple[ast.AST, _Above]] = [(block, ())]
    while stack:
        node, above = stack.pop()
        if isinstance(node, ast.stmt) and node is not block:
            yield node, above
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                continue
            above = (*above, node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                stack.append((child, above))


def _made_of_itself(node: ast.stmt) -> ast.Name | ast.Subscript | None:
    """The name, or the entry of a list made anew, that a statement binds to what it makes of its value."""
    if isinstance(node, ast.Assign):
        target = node.targets[0] if len(node.targets) == 1 else None
    else:
        target = node.target if isinstance(node, (ast.AugAssign, ast.AnnAssign)) else None
    value = getattr(node, "value", None)
    if value is None:
        return None
    makes = isinstance(node, ast.AugAssign)
    if isinstance(target, ast.Name) and (makes or target.id in _names_in(value)):
        return target
    if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Attribute) and target.value.attr in FRESH:
        return target if makes or ast.unparse(target) in ast.unparse(value) else None
    return None


def _names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _bound_by(node: ast.AST) -> set[str]:
    return _names_in(node.target) if isinstance(node, _LOOPS) else set()


class _Lines:
    """What the lines of a block read and bind.

    Attributes:
        reads: by name, where it is read that nothing on the way there has bound anew, with the loops around.
    """

    def __init__(self, block: ast.AST, statements: list[tuple[ast.stmt, _Above]]) -> None:
        self.reads: dict[str, list[tuple[_Position, _Above]]] = {}
        self._anew: dict[str, list[tuple[_Position, _Above]]] = {}
        for statement, above in statements:
            if isinstance(statement, ast.Assign):
                for target in statement.targets:
                    if isinstance(target, ast.Name) and target.id not in _names_in(statement.value):
                        self._anew.setdefault(target.id, []).append((_end(statement), above))
        stack: list[tuple[ast.AST, _Above, frozenset[str]]] = [(block, (), frozenset())]
        while stack:
            node, around, hidden = stack.pop()
            inner, later = around, list(ast.iter_child_nodes(node))
            if isinstance(node, ast.Name):
                if not isinstance(node.ctx, ast.Store) and node.id not in hidden:
                    self.reads.setdefault(node.id, []).append(((node.lineno, node.col_offset), around))
            elif isinstance(node, (*_LOOPS, ast.While)):
                inner = (*around, node)
                if isinstance(node, _LOOPS):
                    later = [*node.body, *node.orelse]
                    stack.append((node.iter, around, hidden))
            elif isinstance(node, _COMPREHENSIONS):
                stack.append((node.generators[0].iter, around, hidden))
                hidden = hidden.union(*(_names_in(part.target) for part in node.generators))
            elif isinstance(node, _FUNCTIONS) and node is not block:
                given = node.args
                own = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
                hidden = hidden.union(argument.arg for argument in own if argument is not None)
            stack += [(child, inner, hidden) for child in later]

    def read(self, statement: ast.stmt, name: str, loop: ast.AST | None, above: _Above) -> bool:
        """Whether a line may read what a statement binds; what cannot be told is read.

        Args:
            statement: binds the name.
            name: of the value.
            loop: binds the name at each turn.
            above: the statements around.
        """
        # A loop around the statement that does not bind the name anew comes back to its earlier lines.
        turns = [node for node in above if isinstance(node, (*_LOOPS, ast.While)) and node is not loop]
        again = turns[:1] if loop is None else [node for node in turns if loop in above[: above.index(node)]][:1]
        level = above if loop is None else above[: above.index(loop)]
        end = _end(statement)
        last = min((at for at, around in self._anew.get(name, ()) if around == level and at > end), default=None)
        for here, around in self.reads.get(name, ()):
            if any(turn in around for turn in again):
                return True
            if here >= end and (last is None or here < last):
                if not any(name in _bound_by(other) for other in around if other not in above):
                    return True
        return False


def _end(node: ast.stmt) -> _Position:
    return node.end_lineno or node.lineno, node.end_col_offset or 0
