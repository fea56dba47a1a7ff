"""From expressions to values."""

from __future__ import annotations

import ast
from collections import deque
from typing import TYPE_CHECKING

from gradlint.source.environment import Environment
from gradlint.source.names import BUILTINS, canonical, is_library
from gradlint.source.values import Block, Kind, Place, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MUTATORS = frozenset({"append", "extend", "add", "insert", "update", "setdefault", "appendleft"})
QUESTIONS = frozenset({"gradient", "jacobian", "batch_jacobian"})
READERS = frozenset({"list", "tuple", "dict", "sorted", "set", "sum", "max", "min"})
TRANSPARENT = (
    "tensorflow.function",
    "tensorflow.autograph.",
    "tensorflow.recompute_grad",
    "builtins.staticmethod",
    "builtins.classmethod",
    "builtins.property",
    "functools.lru_cache",
    "functools.cache",
    "functools.wraps",
    "typing.",
    "abc.abstractmethod",
)
"""Decorators that leave a function what it is."""


def settled(value: Value) -> Value:
    """The value behind bindings that meet without a difference."""
    if value.kind is not Kind.PHI:
        return value
    seen: set[int] = set()
    while value.kind is Kind.PHI and id(value) not in seen:
        seen.add(id(value))
        others: dict[object, Value] = {}
        for each in value.inputs:
            if each is not value:
                inner = settled_once(each)
                # A module that is imported again is the same.
                others[inner.name if inner.kind is Kind.NAME else id(inner)] = each
        if len(others) != 1:
            return value
        value = next(iter(others.values()))
    return value


def settled_once(value: Value) -> Value:
    """The value behind one binding."""
    return value.inputs[0] if value.kind is Kind.PHI and len(value.inputs) == 1 else value


def path_of(node: ast.expr) -> str:
    """`self.model` or `losses['a']` as text, or nothing for what is no path."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(f".{node.attr}")
            node = node.value
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            parts.append(f"[{node.slice.value!r}]")
            node = node.value
        elif isinstance(node, ast.Name):
            parts.append(node.id)
            return "".join(reversed(parts))
        else:
            return ""


class ExpressionReader:
    """Makes the values of expressions, one scope at a time; functions wait until their surroundings are complete."""

    def __init__(self, module: Scope) -> None:
        self.order = 0
        self.environment = Environment()
        self.place = Place(module)
        self.waiting: deque[tuple[Scope, Sequence[ast.stmt] | ast.expr]] = deque()
        self.values: list[Value] = []
        self.kept: set[int] = set()
        self.again: list[tuple[Value, Value, Value]] = []
        self.blocks: list[Block] = []

    # Making values

    def make(self, kind: Kind, node: ast.AST | None, inputs: Iterable[Value] = (), name: str = "") -> Value:
        self.order += 1
        value = Value(kind, node, self.place, self.order, list(inputs), name)
        self.values.append(value)
        return value

    def evaluate(self, node: ast.expr) -> Value:
        """The value of an expression, in the present environment."""
        match node:
            case ast.Name():
                return self.load(node)
            case ast.Attribute():
                return self.attribute(node)
            case ast.Constant():
                value = self.make(Kind.CONSTANT, node)
                value.literal = node.value
                return value
            case ast.Call():
                return self.call(node)
            case ast.BinOp():
                return self.binary(node)
            case ast.UnaryOp():
                operand = self.evaluate(node.operand)
                value = self.make(Kind.OPERATION, node, [operand], type(node.op).__name__)
                if isinstance(node.op, ast.USub) and isinstance(operand.literal, (int, float)):
                    value.kind, value.literal = Kind.CONSTANT, -operand.literal
                return value
            case ast.Compare():
                inputs = [self.evaluate(each) for each in (node.left, *node.comparators)]
                return self.make(Kind.COMPARISON, node, inputs, type(node.ops[0]).__name__)
            case ast.BoolOp():
                return self.make(Kind.CHOICE, node, [self.evaluate(each) for each in node.values], "bool")
            case ast.IfExp():
                self.evaluate(node.test)
                return self.make(Kind.CHOICE, node, [self.evaluate(node.body), self.evaluate(node.orelse)], "if")
            case ast.Subscript():
                return self.subscript(node)
            case ast.Tuple() | ast.List() | ast.Set():
                return self.make(Kind.SEQUENCE, node, [self.evaluate(each) for each in node.elts])
            case ast.Dict():
                return self.mapping(node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self.comprehension(node)
            case ast.Lambda():
                return self.function(node, "<lambda>", node.body)
            case ast.NamedExpr():
                value = self.evaluate(node.value)
                self.assign(node.target, value)
                return value
            case ast.Starred():
                return self.make(Kind.OPERATION, node, [self.evaluate(node.value)], "*")
            case ast.Await():
                return self.evaluate(node.value)
            case ast.Yield() | ast.YieldFrom():
                self.place.scope.is_generator = True
                inner = self.evaluate(node.value) if node.value is not None else self.make(Kind.CONSTANT, node)
                self.kept.add(id(inner))
                return self.make(Kind.UNKNOWN, node, [inner])
            case ast.JoinedStr() | ast.FormattedValue() | ast.Slice():
                return self.make(Kind.OPERATION, node, self._children(node), "text")
            case _:
                return self.make(Kind.UNKNOWN, node, self._children(node))

    def _children(self, node: ast.expr) -> list[Value]:
        return [self.evaluate(child) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]

    def load(self, node: ast.Name) -> Value:
        found = self.environment.names.get(node.id)
        return found if found is not None else self.lookup(node.id, node)

    def lookup(self, name: str, node: ast.AST | None) -> Value:
        """A name that is not bound here: the surroundings' bindings, a built-in, or unknown."""
        scope: Scope | None = self.place.scope
        while scope is not None:
            if name in scope.looked_up:
                return scope.looked_up[name]
            bindings = scope.bindings.get(name)
            if bindings is not None and (scope.kind != "class" or scope is self.place.scope):
                value = self.make(Kind.PHI, None, (), name)
                value.inputs = bindings  # the same list: later bindings are seen as well
                scope.looked_up[name] = value
                return value
            scope = scope.parent
        if name in BUILTINS:
            return self.make(Kind.NAME, node, (), f"builtins.{name}")
        return self.make(Kind.UNKNOWN, node, (), name)

    def attribute(self, node: ast.Attribute) -> Value:
        base = self.evaluate(node.value)
        origin = settled(base)
        if origin.kind is Kind.NAME:
            return self.make(Kind.NAME, node, (), canonical(f"{origin.name}.{node.attr}"))
        if self.environment.paths and (path := path_of(node)):
            found = self.environment.paths.get(path)
            if found is not None:
                return found
        return self.make(Kind.ATTRIBUTE, node, [base], node.attr)

    def subscript(self, node: ast.Subscript) -> Value:
        base = self.evaluate(node.value)
        if self.environment.paths and (path := path_of(node)):
            found = self.environment.paths.get(path)
            if found is not None:
                return found
        index = self.evaluate(node.slice)
        origin = settled(base)
        if (
            origin.kind is Kind.SEQUENCE
            and isinstance(index.literal, int)
            and not any(isinstance(each.node, ast.Starred) for each in origin.inputs)
            and -len(origin.inputs) <= index.literal < len(origin.inputs)
        ):
            return origin.inputs[index.literal]
        return self.make(Kind.ITEM, node, [base, index])

    def binary(self, node: ast.BinOp) -> Value:
        # A sum of thousands of terms leans to the left, deeper than Python's stack.
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        value = self.evaluate(chain[-1].left)
        for each in reversed(chain):
            value = self.make(Kind.OPERATION, each, [value, self.evaluate(each.right)], type(each.op).__name__)
        return value

    def mapping(self, node: ast.Dict) -> Value:
        inputs = [self.evaluate(value) for value in node.values]
        value = self.make(Kind.MAPPING, node, inputs)
        value.keywords = tuple(
            key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None for key in node.keys
        )
        return value

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        outside, place = self.environment, self.place
        self.environment = outside.copy()
        sources: list[Value] = []
        before = self.environment.spent
        for index, generator in enumerate(node.generators):
            source = self.evaluate(generator.iter)
            self.read(source, source)
            sources.append(source)
            if index == 0:
                before = dict(self.environment.spent)  # the first iterable is read once, the others at each turn
            scope = self.place.scope
            self.place = Place(scope, place.blocks, (*self.place.loops, node), self.place.guards, place.raises)
            self.bind_target(generator.target, self.make(Kind.ELEMENT, generator.target, [source]), keep=False)
            for test in generator.ifs:
                self.evaluate(test)
                guards = (*self.place.guards, test)
                self.place = Place(scope, place.blocks, self.place.loops, guards, place.raises)
        elements = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        made = [self.evaluate(each) for each in elements]
        self.loop_spends(before, self.environment, node, self.order)
        outside.spent = self.environment.spent
        self.environment, self.place = outside, place
        return self.make(Kind.COMPREHENSION, node, [*made, *sources])

    # Calls

    def call(self, node: ast.Call) -> Value:
        callee = self.evaluate(node.func)
        inputs = [callee, *(self.evaluate(each) for each in node.args)]
        inputs.extend(self.evaluate(each.value) for each in node.keywords)
        origin = settled(callee)
        value = self.make(Kind.CALL, node, inputs, origin.name if origin.kind is Kind.NAME else "")
        value.keywords = tuple(each.arg for each in node.keywords)
        self.after_call(node, value, origin)
        return value

    def after_call(self, node: ast.Call, value: Value, callee: Value) -> None:
        """What a call changes: containers, attributes, tapes and iterators."""
        if isinstance(node.func, ast.Attribute) and callee.kind is Kind.ATTRIBUTE:
            path = path_of(node.func.value)
            if callee.name in MUTATORS and path:
                old = callee.inputs[0]
                self.environment.bind(path, self.record(path, node.func.value, self.make(
                    Kind.UPDATE, node, [old, *value.inputs[1:]], callee.name)))  # fmt: skip
            elif path:
                self.environment.forget(path)
            tape = settled(callee.inputs[0])
            if callee.name in QUESTIONS and is_tape(tape):
                self.spend(tape, value)
            elif callee.name == "reset" and is_tape(tape):
                self.environment.spent.pop(id(tape), None)
        if value.name and (value.name.startswith("builtins.") or is_library(value.name)):
            if value.name.removeprefix("builtins.") in READERS:
                for each in value.arguments:
                    self.read(each, value)
            return
        if callee.kind is Kind.ATTRIBUTE and callee.name in ("apply_gradients", "extend"):
            for each in value.arguments[:1]:
                self.read(each, value)
        written = (*node.args, *(keyword.value for keyword in node.keywords))
        for argument, given in zip(value.inputs[1:], written, strict=True):
            if isinstance(given, (ast.Name, ast.Attribute)) and (path := path_of(given)):
                self.environment.forget(path)
            tape = settled(argument)
            if is_tape(tape) and callee.kind is Kind.FUNCTION and self.asks(callee, value, argument):
                self.spend(tape, value)

    @staticmethod
    def asks(function: Value, call: Value, tape: Value) -> bool:
        """Whether a function of this file always asks the tape that it is given here."""
        if function.scope is None or isinstance(function.scope.node, ast.Lambda):
            return False
        node = function.scope.node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
        asked = {
            part.func.value.id
            for statement in node.body
            if isinstance(statement, (ast.Assign, ast.Expr, ast.Return)) and statement.value is not None
            for part in ast.walk(statement.value)
            if isinstance(part, ast.Call)
            and isinstance(part.func, ast.Attribute)
            and part.func.attr in QUESTIONS
            and isinstance(part.func.value, ast.Name)
        }
        given = {name for name, each in zip(names, call.arguments, strict=False) if each is tape}
        given |= {name for name in call.keywords if name is not None and call.keyword(name) is tape}
        return bool(asked & given)

    def read(self, value: Value, reader: Value) -> None:
        """A `zip`, `map` or `filter` is empty once it was read."""
        origin = settled(value)
        if origin.kind is Kind.CALL and origin.name == "builtins.zip":
            self.spend(origin, reader)

    def spend(self, value: Value, user: Value) -> None:
        first = self.environment.spent.get(id(value))
        if first is not None:
            self.again.append((value, first, user))
        else:
            self.environment.spent[id(value)] = user

    def loop_spends(self, before: dict[int, Value], after: Environment, loop: ast.AST, since: int) -> None:
        """What one turn of a loop uses up, although it was made before the loop, the second turn finds used up."""
        if not after.alive:
            return
        for key, user in after.spent.items():
            if key in before:
                continue
            what = settled(user.callee.inputs[0]) if user.kind is Kind.CALL and user.callee.inputs else user
            candidates = [what, *(settled(each) for each in user.inputs), settled(user)]
            made = next((each for each in candidates if id(each) == key), None)
            reopened = any(block.tape is made and block.start >= since for block in self.blocks)
            if made is not None and loop not in made.place.loops and not reopened:
                self.again.append((made, user, user))

    # Bindings

    def assign(self, target: ast.expr, value: Value) -> None:
        self.bind_target(target, value, keep=True)

    def bind_target(self, target: ast.expr, value: Value, *, keep: bool) -> None:
        match target:
            case ast.Name():
                self.environment.bind(target.id, value)
                if keep:
                    self.place.scope.bindings.setdefault(target.id, []).append(value)
            case ast.Attribute() | ast.Subscript():
                self.bind_path(target, value)
            case ast.Tuple() | ast.List():
                self.unpack(target, value, keep=keep)
            case ast.Starred():
                self.bind_target(target.value, value, keep=keep)

    def bind_path(self, target: ast.Attribute | ast.Subscript, value: Value) -> None:
        self.kept.add(id(value))
        path = path_of(target)
        if path:
            self.environment.bind(path, self.record(path, target, value))
        if isinstance(target, ast.Subscript):
            # The container holds it from now on, whatever the key.
            index = self.evaluate(target.slice)
            outer = path_of(target.value)
            if outer:
                old = self.evaluate(target.value)
                new = self.make(Kind.UPDATE, target, [old, value, index], "[]")
                (self.environment.paths if "." in outer or "[" in outer else self.environment.names)[outer] = new
                self.record(outer, target.value, new)

    def record(self, path: str, target: ast.expr, value: Value) -> Value:
        """Keep an attribute of `self` with its class, any other binding with its scope."""
        root = target
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            root = root.value
        if isinstance(root, ast.Name):
            origin = settled(self.load(root))
            owner = origin.place.scope.owner if origin.kind is Kind.PARAMETER else None
            if owner is not None and origin is origin.place.scope.self_parameter:
                owner.bindings.setdefault("self" + path[len(root.id) :], []).append(value)
            else:
                self.place.scope.bindings.setdefault(path, []).append(value)
        return value

    def unpack(self, target: ast.Tuple | ast.List, value: Value, *, keep: bool) -> None:
        origin = settled(value)
        starred = any(isinstance(each, ast.Starred) for each in target.elts)
        same = origin.kind is Kind.SEQUENCE and len(origin.inputs) == len(target.elts) and not starred
        for index, each in enumerate(target.elts):
            if same and not isinstance(origin.inputs[index].node, ast.Starred):
                self.bind_target(each, origin.inputs[index], keep=keep)
                continue
            part = self.make(Kind.UNKNOWN if starred else Kind.PART, each, [value])
            part.index = index
            self.bind_target(each, part, keep=keep)

    # Functions

    def function(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        name: str,
        body: Sequence[ast.stmt] | ast.expr,
    ) -> Value:
        scope = Scope("function", name, node, self.place.scope)
        if self.place.scope.kind == "class":
            scope.owner = self.place.scope
        self.place.scope.children.setdefault(name, []).append(scope)
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        for parameter, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
            scope.defaults[parameter.arg] = self.evaluate(default)
        for parameter, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if given is not None:
                scope.defaults[parameter.arg] = self.evaluate(given)
        value = self.make(Kind.FUNCTION, node, (), name)
        value.scope = scope
        self.waiting.append((scope, body))
        return value

    def enter(self, scope: Scope) -> None:
        """Start on a function: nothing is bound but its parameters."""
        self.environment = Environment()
        self.place = Place(scope)
        node = scope.node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            arguments = node.args
            extra = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
            for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra):
                value = self.make(Kind.PARAMETER, each, (), each.arg)
                scope.parameters.append(value)
                scope.bindings[each.arg] = [value]
                self.environment.names[each.arg] = value


def is_tape(value: Value) -> bool:
    """Whether a value is a `tf.GradientTape(…)`."""
    return value.kind is Kind.CALL and value.name == "tensorflow.GradientTape"
