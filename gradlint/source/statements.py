"""From statements to bindings: branches meet in `PHI`s, loops start with one, tapes open blocks."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.source.environment import Environment
from gradlint.source.expressions import (
    MUTATORS,
    TRANSPARENT,
    ExpressionReader,
    is_tape,
    path_of,
    settled,
)
from gradlint.source.names import canonical
from gradlint.source.values import Block, Kind, Place, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Sequence


class StatementReader(ExpressionReader):
    """Reads a file's statements in the order in which they would run."""

    def __init__(self, module: Scope) -> None:
        super().__init__(module)
        self.functions: list[Value] = []
        self.classes: list[Value] = []
        self._breaks: list[list[Environment]] = []
        self._continues: list[list[Environment]] = []
        self._bound: dict[ast.AST, list[str]] = {}

    def read_module(self, tree: ast.Module) -> None:
        self.body(tree.body)
        while self.waiting:
            scope, body = self.waiting.popleft()
            self.enter(scope)
            if isinstance(body, ast.expr):
                scope.returns.append(self.evaluate(body))
            else:
                self.body(body)

    def body(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            if not self.environment.alive:
                return
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr():
                value = self.evaluate(node.value)
                if not isinstance(node.value, ast.Call):
                    self.kept.add(id(value))
            case ast.Assign():
                value = self.evaluate(node.value)
                for target in node.targets:
                    self.assign(target, value)
            case ast.AnnAssign():
                if node.value is not None:
                    self.assign(node.target, self.evaluate(node.value))
            case ast.AugAssign():
                old = self.evaluate(node.target)
                made = self.make(Kind.OPERATION, node, [old, self.evaluate(node.value)], type(node.op).__name__)
                self.assign(node.target, made)
            case ast.Return():
                if node.value is not None:
                    value = self.evaluate(node.value)
                    self.place.scope.returns.append(value)
                    self.kept.add(id(value))
                self.environment.alive = False
            case ast.Raise():
                for each in (node.exc, node.cause):
                    if each is not None:
                        self.kept.add(id(self.evaluate(each)))
                self.environment.alive = False
            case ast.If():
                self.branch(node.test, node.body, node.orelse)
            case ast.For() | ast.AsyncFor() | ast.While():
                self.loop(node)
            case ast.With() | ast.AsyncWith():
                self.block(node)
            case ast.Try():
                self.attempt(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.definition(node)
            case ast.ClassDef():
                self.class_definition(node)
            case ast.Import() | ast.ImportFrom():
                self.imports(node)
            case ast.Match():
                self.match(node)
            case ast.Assert():
                self.kept.add(id(self.evaluate(node.test)))
            case ast.Delete():
                for target in node.targets:
                    path = path_of(target)
                    self.environment.names.pop(path, None)
                    self.environment.paths.pop(path, None)
            case ast.Global() | ast.Nonlocal():
                self.place.scope.outer |= frozenset(node.names)
            case ast.Break() | ast.Continue():
                kept = self._breaks if isinstance(node, ast.Break) else self._continues
                if kept:
                    kept[-1].append(self.environment.copy())
                self.environment.alive = False
            case _:
                if type(node).__name__ == "TryStar":
                    self.body(getattr(node, "body", []))

    def bind_target(self, target: ast.expr, value: Value, *, keep: bool) -> None:
        super().bind_target(target, value, keep=keep)
        if isinstance(target, ast.Name) and target.id in self.place.scope.outer:
            self.kept.add(id(value))
            scope = self.place.scope.parent
            while scope is not None and scope.parent is not None and target.id not in scope.bindings:
                scope = scope.parent
            if scope is not None:
                scope.bindings.setdefault(target.id, []).append(value)

    # Flow of control

    def branch(self, test: ast.expr, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> None:
        # A long chain of `elif` is deeper than Python's stack when it is read branch in branch.
        place = self.place
        ends: list[Environment] = []
        while True:
            self.kept.add(id(self.evaluate(test)))
            before = self.environment
            self.place = replace(self.place, guards=(*self.place.guards, test))
            self.environment = before.copy()
            self.body(body)
            ends.append(self.environment)
            self.environment = before
            if len(orelse) == 1 and isinstance(orelse[0], ast.If):
                test, body, orelse = orelse[0].test, orelse[0].body, orelse[0].orelse
                continue
            self.body(orelse)
            ends.append(self.environment)
            break
        self.place = place
        self.environment = self.meet(ends)

    def match(self, node: ast.Match) -> None:
        subject = self.evaluate(node.subject)
        before, place = self.environment, self.place
        ends = [before]
        for case in node.cases:
            self.environment = before.copy()
            self.place = replace(place, guards=(*place.guards, node.subject))
            for part in ast.walk(case.pattern):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(part, (ast.MatchAs, ast.MatchStar, ast.MatchMapping)) and isinstance(name, str):
                    self.environment.bind(name, self.make(Kind.UNKNOWN, part, [subject], name))
            if case.guard is not None:
                self.evaluate(case.guard)
            self.body(case.body)
            ends.append(self.environment)
        self.place = place
        self.environment = self.meet(ends)

    def meet(self, ends: Sequence[Environment]) -> Environment:
        """The environment where several ways meet; those that have ended do not arrive."""
        alive = [end for end in ends if end.alive]
        if not alive:
            return replace(ends[0].copy(), alive=False)
        if len(alive) == 1:
            return alive[0]
        met = Environment()
        for kind in ("names", "paths"):
            tables = [end.names if kind == "names" else end.paths for end in alive]
            into = met.names if kind == "names" else met.paths
            for key in dict.fromkeys(key for table in tables for key in table):
                found = {id(table[key]): table[key] for table in tables if key in table}
                if kind == "paths" and not all(key in table for table in tables):
                    continue  # on one way it is what the object says
                values = list(found.values())
                into[key] = values[0] if len(values) == 1 else self.make(Kind.PHI, None, values, key)
        met.spent = {key: user for key, user in alive[0].spent.items() if all(key in end.spent for end in alive[1:])}
        return met

    def loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        place = self.place
        if isinstance(node, ast.While):
            source = None
        else:
            source = self.evaluate(node.iter)
            self.read(source, source)
        header = self.environment
        turns: dict[str, Value] = {}
        for path in bound_paths(node, self._bound):
            table = header.paths if "." in path or "[" in path else header.names
            if path in table:
                turns[path] = table[path] = self.make(Kind.PHI, None, [table[path]], path)
        self.place = replace(place, loops=(*place.loops, node))
        before, since = dict(header.spent), self.order
        self.environment = header.copy()
        self._breaks.append([])
        self._continues.append([])
        if isinstance(node, ast.While):
            self.kept.add(id(self.evaluate(node.test)))
            self.place = replace(self.place, guards=(*self.place.guards, node.test))
        elif source is not None:
            self.bind_target(node.target, self.make(Kind.ELEMENT, node.target, [source]), keep=True)
        self.body(node.body)
        end = self.meet([self.environment, *self._continues.pop()])
        broken = self._breaks.pop()
        if end.alive:
            self.loop_spends(before, end, node, since)
            for path, turn in turns.items():
                table = end.paths if "." in path or "[" in path else end.names
                if path in table and table[path] is not turn:
                    turn.inputs.append(table[path])
        self.place = place
        after = header.copy()
        if end.alive:
            for path, value in end.names.items():
                after.names.setdefault(path, value)
        self.environment = after
        self.body(node.orelse)
        self.environment = self.meet([self.environment, *broken])
        endless = isinstance(node, ast.While) and isinstance(node.test, ast.Constant) and node.test.value
        if endless and broken:
            self.environment = self.meet(broken)

    def block(self, node: ast.With | ast.AsyncWith) -> None:
        place = self.place
        opened: list[Block] = []
        for item in node.items:
            value = self.evaluate(item.context_expr)
            origin = settled(value)
            if is_tape(origin):
                self.environment.spent.pop(id(origin), None)
                opened.append(Block(origin, node, self.order))
            elif origin.kind is Kind.CALL and origin.callee.kind is Kind.ATTRIBUTE:
                holder = settled(origin.callee.inputs[0])
                if origin.callee.name == "stop_recording" and is_tape(holder):
                    opened.append(Block(holder, node, self.order, pauses=True))
            name = origin.name or (settled(origin.callee).name if origin.kind is Kind.CALL else "")
            expected = name.rpartition(".")[2].startswith(
                ("assertRaises", "raises", "assertWarns", "warns", "suppress")
            )
            self.place = replace(self.place, blocks=(*place.blocks, *opened), raises=self.place.raises or expected)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, value)
        self.blocks.extend(opened)
        self.body(node.body)
        for each in opened:
            each.ends.append(self.order)
        self.place = place

    def attempt(self, node: ast.Try) -> None:
        before = self.environment.copy()
        place = self.place
        self.place = replace(place, raises=place.raises or _is_expected(node))
        self.body(node.body)
        self.place = place
        reached = self.environment
        middle = self.meet([before, reached]) if reached.alive else before
        middle.spent = dict(before.spent)
        ends = []
        self.body(node.orelse)
        ends.append(self.environment)
        for handler in node.handlers:
            self.environment = middle.copy()
            if handler.name:
                self.environment.bind(handler.name, self.make(Kind.UNKNOWN, handler, (), handler.name))
            self.body(handler.body)
            ends.append(self.environment)
        self.environment = self.meet(ends)
        if node.finalbody:
            alive, self.environment.alive = self.environment.alive, True
            self.body(node.finalbody)
            self.environment.alive = self.environment.alive and alive
        self.place = place

    # Definitions

    def definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators: list[Value] = [self.evaluate(each) for each in node.decorator_list]
        value = self.function(node, node.name, node.body)
        self.functions.append(value)
        names = []
        opaque = False
        for decorator in decorators:
            origin = settled(decorator)
            name = origin.name if origin.kind in (Kind.NAME, Kind.CALL) else ""
            names.append(name)
            setter = origin.kind is Kind.ATTRIBUTE and origin.name in ("setter", "getter", "deleter")
            opaque = opaque or not (name.startswith(TRANSPARENT) or setter)
        if value.scope is not None:
            value.scope.decorators = tuple(names)
        bound = self.make(Kind.UNKNOWN, node, [*decorators, value], node.name) if opaque else value
        if opaque and names == ["tensorflow.custom_gradient"]:
            bound.name = "tensorflow.custom_gradient"
        self.environment.bind(node.name, bound)
        self.place.scope.bindings.setdefault(node.name, []).append(bound)

    def class_definition(self, node: ast.ClassDef) -> None:
        for each in node.decorator_list:
            self.evaluate(each)
        scope = Scope("class", node.name, node, self.place.scope)
        scope.bases = [self.evaluate(each) for each in node.bases]
        value = self.make(Kind.CLASS, node, scope.bases, node.name)
        value.scope = scope
        self.classes.append(value)
        self.environment.bind(node.name, value)
        self.place.scope.bindings.setdefault(node.name, []).append(value)
        outside, place = self.environment, self.place
        self.environment = outside.copy()
        self.place = Place(scope)
        self.body(node.body)
        self.environment, self.place = outside, place

    def imports(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name != "*":
                    self._bind_import(alias.asname or alias.name, f"{package}.{alias.name}", node)
            return
        for alias in node.names:
            if alias.asname:
                self._bind_import(alias.asname, alias.name, node)
            else:
                first = alias.name.partition(".")[0]
                self._bind_import(first, first, node)

    def _bind_import(self, name: str, dotted: str, node: ast.AST) -> None:
        value = self.make(Kind.NAME, node, (), canonical(dotted))
        self.environment.bind(name, value)
        self.place.scope.bindings.setdefault(name, []).append(value)


def _is_expected(attempt: ast.Try) -> bool:
    """Whether one or two calls are tried to see them fail, as a demonstration: the handler names what misuse raises."""
    if len(attempt.body) > 2 or not all(isinstance(each, (ast.Expr, ast.Assign)) for each in attempt.body):
        return False
    caught = [handler.type for handler in attempt.handlers]
    named = [name for each in caught for name in (each.elts if isinstance(each, ast.Tuple) else [each])]
    return any(isinstance(each, ast.Name) and each.id in ("RuntimeError", "ValueError", "TypeError") for each in named)


def bound_paths(loop: ast.AST, known: dict[ast.AST, list[str]] | None = None) -> list[str]:
    """The names and paths that a loop binds, or puts something into, without those of functions defined there.

    Args:
        loop: a loop or a comprehension.
        known: what loops bind, kept so that a loop in loops is gone through once.
    """
    known = {} if known is None else known
    if loop in known:
        return known[loop]
    found: dict[str, None] = {}
    stack: list[ast.AST] = _parts(loop)
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind in _DEFINITIONS:
            if kind is not ast.Lambda:
                found[getattr(node, "name", "")] = None
            continue
        if kind in _LOOPS:
            found.update(dict.fromkeys(bound_paths(node, known)))
            continue
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                found[node.id] = None
            continue
        if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            found[path_of(node)] = None
            if isinstance(node, ast.Subscript):
                found[path_of(node.value)] = None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
            found[path_of(node.func.value)] = None
        stack.extend(_parts(node))
    found.pop("", None)
    known[loop] = list(found)
    return known[loop]


_DEFINITIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda})
_LOOPS = frozenset({ast.For, ast.AsyncFor, ast.While})
_NO_PARTS = frozenset({"ctx", "op", "ops"})


def _parts(node: ast.AST) -> list[ast.AST]:
    """The nodes in a node."""
    found: list[ast.AST] = []
    for name in node._fields:
        part = getattr(node, name, None)
        if isinstance(part, list):
            found.extend(each for each in part if isinstance(each, ast.AST))
        elif isinstance(part, ast.AST) and name not in _NO_PARTS:
            found.append(part)
    return found
