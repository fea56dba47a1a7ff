"""One file of Python source, as the rules see it: its values, and the questions its tapes are asked."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from gradlint.source.expressions import QUESTIONS, TRANSPARENT, is_tape, settled
from gradlint.source.names import last
from gradlint.source.statements import StatementReader
from gradlint.source.values import Block, Kind, Place, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

Context = tuple[Value, ...]
"""The calls through which a function of the file was entered, outermost first."""

VARIABLE_LISTS = frozenset(
    {
        "trainable_variables",
        "trainable_weights",
        "variables",
        "weights",
        "non_trainable_variables",
        "non_trainable_weights",
    }
)
MODEL_ATTRIBUTES = VARIABLE_LISTS | {
    "trainable",
    "layers",
    "get_layer",
    "load_weights",
    "save_weights",
    "compile",
    "fit",
}
"""What tells that an object is a model."""
LOSS_NAME = re.compile(
    r"loss|criterion|\b_?(mse|mae|bce|mse_fn|bce_fn|kld?)\b|cross_?entropy|divergence|huber", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Question:
    """One `tape.gradient(target, sources)`, under one way into the function it stands in."""

    call: Value
    tape: Value
    context: Context

    @property
    def method(self) -> str:
        return self.call.callee.name

    @property
    def target(self) -> Value | None:
        return self.call.argument(0, "target")

    @property
    def sources(self) -> Value | None:
        return self.call.argument(1, "source" if self.method == "batch_jacobian" else "sources")


@dataclass(frozen=True, slots=True)
class Part:
    """What one stretch of a list of variables comes from: a model's own list, or one tensor.

    Attributes:
        value: the model, or the tensor.
        key: what tells it from others.
        is_model: whether it is a model's list.
        attribute: which list: `trainable_variables`, `weights`.
        subset: whether some were left out.
    """

    value: Value
    key: str
    is_model: bool
    attribute: str = ""
    subset: bool = False


@dataclass(eq=False)
class Module:
    """One parsed file.

    Attributes:
        path: as the user named it.
        text: the source, with notebooks' magics taken out.
        tree: the syntax tree; lines count from 1, columns from 0.
        scope: the module's own scope.
        values: all values in the order in which they are made.
        blocks: the `with` blocks of tapes.
        classes, functions: those defined in the file, as values.
        kept: identities of values that are returned, stored in an object, or decide a condition.
        again: what was used up and is used again, with both users.
    """

    path: str
    text: str
    tree: ast.Module
    scope: Scope = field(init=False)
    values: list[Value] = field(init=False)
    blocks: list[Block] = field(init=False)
    classes: list[Value] = field(init=False)
    functions: list[Value] = field(init=False)
    kept: set[int] = field(init=False)
    again: list[tuple[Value, Value, Value]] = field(init=False)
    _functions_called: dict[int, Scope | None] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.scope = Scope("module", "", self.tree, None)
        reader = StatementReader(self.scope)
        reader.read_module(self.tree)
        self.values, self.blocks, self.kept, self.again = reader.values, reader.blocks, reader.kept, reader.again
        self.classes, self.functions = reader.classes, reader.functions

    def release(self) -> None:
        """Cut the circles of values and scopes, once nothing is asked any more: the memory is free at once."""
        scopes = {id(self.scope): self.scope}
        for value in self.values:
            value.inputs = []
            for scope in (value.scope, value.place.scope):
                if scope is not None:
                    scopes[id(scope)] = scope
        for scope in scopes.values():
            scope.bindings, scope.children, scope.looked_up, scope.defaults = {}, {}, {}, {}
            scope.parameters, scope.returns, scope.bases = [], [], []

    def position(self, value: Value) -> tuple[int, int]:
        """Line and column, both from 1, at which to point for a value."""
        return position(value)

    @cached_property
    def calls(self) -> list[Value]:
        return [value for value in self.values if value.kind is Kind.CALL]

    @cached_property
    def call_keys(self) -> frozenset[str]:
        """Keys of all that calls make."""
        return frozenset(key(call) for call in self.calls)

    @cached_property
    def consumers(self) -> dict[int, list[Value]]:
        """By identity, the values that are made of a value."""
        found: dict[int, list[Value]] = {}
        for value in self.values:
            for each in value.inputs:
                found.setdefault(id(each), []).append(value)
        return found

    @cached_property
    def attributes_read(self) -> frozenset[str]:
        """Names of all attributes that stand anywhere in the file."""
        return frozenset(node.attr for node in ast.walk(self.tree) if isinstance(node, ast.Attribute))

    @cached_property
    def model_keys(self) -> frozenset[str]:
        """Keys of all values that the file treats as models."""
        return frozenset(
            key(value.inputs[0])
            for value in self.values
            if value.kind is Kind.ATTRIBUTE and value.name in MODEL_ATTRIBUTES
        )

    # Classes and functions

    @cached_property
    def call_sites(self) -> dict[int, list[Value]]:
        """By identity of a function's scope, the calls of it in this file."""
        found: dict[int, list[Value]] = {}
        for call in self.calls:
            scope = self.function_of(call)
            if scope is not None:
                found.setdefault(id(scope), []).append(call)
        return found

    def class_scope(self, value: Value) -> Scope | None:
        """The class of this file that a value is, or whose instance a constructor's call makes."""
        origin = settled(value)
        if origin.kind is Kind.CALL:
            origin = settled(origin.callee)
        return origin.scope if origin.kind is Kind.CLASS else None

    def family(self, scope: Scope) -> Iterator[Scope]:
        """A class and its bases, as far as this file defines them."""
        seen = [scope]
        for each in seen:
            yield each
            for base in each.bases:
                origin = settled(base)
                if origin.kind is Kind.CLASS and origin.scope is not None and origin.scope not in seen:
                    seen.append(origin.scope)

    def method(self, scope: Scope, name: str) -> Scope | None:
        """A method that objects of a class have for certain: defined in this file, and nowhere overridden in it."""
        own = next((each.children[name][-1] for each in self.family(scope) if name in each.children), None)
        if own is None or not is_plain(own):
            return None
        for other in self.classes:
            if other.scope is not None and other.scope is not scope and name in other.scope.children:
                if scope in self.family(other.scope):
                    return None
        return own

    def receiver_class(self, value: Value) -> Scope | None:
        """The class of this file that an object belongs to."""
        origin = settled(value)
        if origin.kind is Kind.PARAMETER:
            owner = origin.place.scope.owner
            return owner if owner is not None and origin is origin.place.scope.self_parameter else None
        if origin.kind is Kind.ATTRIBUTE:
            bound = self.attribute_bindings(origin)
            return self.receiver_class(bound[0]) if len(bound) == 1 and bound[0].kind is Kind.CALL else None
        return self.class_scope(origin) if origin.kind is Kind.CALL else None

    def function_of(self, call: Value) -> Scope | None:
        """The function of this file that a call runs, if there is no doubt."""
        if id(call) not in self._functions_called:
            self._functions_called[id(call)] = self._function_of(call)
        return self._functions_called[id(call)]

    def _function_of(self, call: Value) -> Scope | None:
        callee = unwrapped(call.callee)
        if callee.kind is Kind.FUNCTION:
            return callee.scope if callee.scope is not None and is_plain(callee.scope) else None
        if callee.kind is Kind.ATTRIBUTE:
            owner = self.receiver_class(callee.inputs[0])
            if owner is not None:
                found = self.method(owner, callee.name)
                if found is not None or callee.name != "call":
                    return found
            bound = self.attribute_bindings(callee)
            if len(bound) == 1:
                inner = unwrapped(bound[0])
                if inner.kind is Kind.FUNCTION and inner.scope is not None and is_plain(inner.scope):
                    return inner.scope
        owner = self.receiver_class(callee)
        if owner is not None:
            return self.method(owner, "call") or self.method(owner, "__call__")
        return None

    def attribute_bindings(self, attribute: Value) -> list[Value]:
        """All that a class of this file binds to an attribute of `self`; empty when that is not known."""
        if attribute.kind is not Kind.ATTRIBUTE:
            return []
        base = settled(attribute.inputs[0])
        owner = base.place.scope.owner if base.kind is Kind.PARAMETER else None
        if owner is None or base is not base.place.scope.self_parameter:
            if base.kind is not Kind.CALL or (owner := self.class_scope(base)) is None:
                return []
        return [value for each in self.family(owner) for value in each.bindings.get(f"self.{attribute.name}", [])]

    def argument_for(self, call: Value, parameter: Value) -> Value | None:
        """What a call of this file's function hands to a parameter; its default; None when that is not known."""
        scope = parameter.place.scope
        names = [each.name for each in scope.parameters]
        index = names.index(parameter.name)
        if scope.owner is not None and "builtins.staticmethod" not in scope.decorators:
            if index == 0:
                origin = settled(call.callee)
                return origin.inputs[0] if origin.kind is Kind.ATTRIBUTE else origin
            index -= 1
        given = call.argument(index, parameter.name)
        if given is not None:
            return given
        if any(isinstance(each.node, ast.Starred) for each in call.arguments) or None in call.keywords:
            return None
        return scope.defaults.get(parameter.name)

    # Tapes

    @cached_property
    def questions(self) -> list[Question]:
        """All gradients that tapes of this file are asked for."""
        found = []
        for call in self.calls:
            if call.callee.kind is not Kind.ATTRIBUTE or call.callee.name not in QUESTIONS:
                continue
            for tape, context in self.tapes_behind(call.callee.inputs[0], ()):
                found.append(Question(call, tape, context))
        return found

    def tapes_behind(self, value: Value, context: Context) -> Iterator[tuple[Value, Context]]:
        """The tapes that a value may be, with the calls that hand them over."""
        origin = settled(value)
        if is_tape(origin):
            yield origin, context
        elif origin.kind is Kind.PARAMETER and len(context) < 3:
            for site in self.call_sites.get(id(origin.place.scope), ()):
                given = self.argument_for(site, origin)
                if given is not None and site not in context:
                    yield from self.tapes_behind(given, (site, *context))
        elif origin.kind is Kind.ATTRIBUTE:
            bound = self.attribute_bindings(origin)
            if len(bound) == 1 and is_tape(settled(bound[0])):
                yield settled(bound[0]), context

    @cached_property
    def assignments(self) -> dict[str, list[Value]]:
        """By key of a variable, the calls of its `assign` methods."""
        found: dict[str, list[Value]] = {}
        for call in self.calls:
            if call.callee.kind is Kind.ATTRIBUTE and call.callee.name in ("assign", "assign_add", "assign_sub"):
                found.setdefault(key(call.callee.inputs[0]), []).append(call)
        return found

    @cached_property
    def watched(self) -> dict[int, list[Value]]:
        """By identity of a tape, what it is told to watch."""
        found: dict[int, list[Value]] = {}
        for call in self.calls:
            if call.callee.kind is Kind.ATTRIBUTE and call.callee.name == "watch":
                for tape in {id(each) for each, _ in self.tapes_behind(call.callee.inputs[0], ())}:
                    found.setdefault(tape, []).extend(call.inputs[1:])
        return found

    @cached_property
    def _recording(self) -> dict[int, list[Block]]:
        found: dict[int, list[Block]] = {}
        for block in self.blocks:
            if not block.pauses:
                found.setdefault(id(block.tape), []).append(block)
        return found

    def blocks_of(self, tape: Value) -> list[Block]:
        return self._recording.get(id(tape), [])

    def is_persistent(self, tape: Value) -> bool | None:
        """None when the file does not show it."""
        given = tape.argument(0, "persistent")
        if given is None:
            return None if None in tape.keywords else False
        return given.literal if isinstance(given.literal, bool) else None

    # Lists of variables

    def parts(self, value: Value, context: Context = (), depth: int = 0) -> list[Part] | None:
        """What a list of variables is made of, in order; None when the file does not show it."""
        origin = settled(value)
        if depth > 20:
            return None
        match origin.kind:
            case Kind.PARAMETER if context:
                given = self.argument_for(context[-1], origin) if owns(context[-1], origin, self) else None
                return self.parts(given, context[:-1], depth + 1) if given is not None else None
            case Kind.ATTRIBUTE if origin.name in VARIABLE_LISTS:
                model = self.entered(origin.inputs[0], context)
                return [Part(model, key(model), True, origin.name)]
            case Kind.SEQUENCE:
                return self._together([self.parts(each, context, depth + 1) for each in origin.inputs])
            case Kind.OPERATION if origin.name == "Add":
                return self._together([self.parts(each, context, depth + 1) for each in origin.inputs])
            case Kind.OPERATION if origin.name == "*":
                return self.parts(origin.inputs[0], context, depth + 1)
            case Kind.UPDATE if origin.name in ("append", "extend"):
                return self._together([self.parts(each, context, depth + 1) for each in origin.inputs])
            case Kind.CALL if origin.name in ("builtins.list", "builtins.tuple", "tensorflow.nest.flatten"):
                first = origin.argument(0)
                return self.parts(first, context, depth + 1) if first is not None else None
            case Kind.CALL if origin.name in ("itertools.chain",):
                return self._together([self.parts(each, context, depth + 1) for each in origin.arguments])
            case Kind.CALL if origin.name in ("tensorflow.Variable", "keras.Variable"):
                return [Part(origin, key(origin), False)]
            case Kind.COMPREHENSION:
                return self._comprehended(origin, context, depth)
            case Kind.ITEM:
                inner = self.parts(origin.inputs[0], context, depth + 1)
                if inner and len(inner) == 1 and inner[0].is_model:
                    return [Part(inner[0].value, inner[0].key, True, inner[0].attribute, subset=True)]
                return None
            case Kind.ATTRIBUTE | Kind.CALL:
                return [Part(origin, key(origin), False)]
            case Kind.CONSTANT | Kind.NAME | Kind.OPERATION | Kind.PARAMETER:
                return [Part(origin, key(origin), False)]
            case _:
                return None

    def _comprehended(self, value: Value, context: Context, depth: int) -> list[Part] | None:
        node = value.node
        if isinstance(node, ast.DictComp) or not isinstance(node, (ast.ListComp, ast.GeneratorExp)):
            return None
        element = settled(value.inputs[0])
        while element.kind is Kind.ATTRIBUTE and element.name in ("value", "_value"):
            element = settled(element.inputs[0])
        if element.kind is not Kind.ELEMENT or len(node.generators) != 1:
            return None
        inner = self.parts(element.inputs[0], context, depth + 1)
        if inner is None or not node.generators[0].ifs:
            return inner
        return [Part(each.value, each.key, each.is_model, each.attribute, subset=True) for each in inner]

    @staticmethod
    def _together(lists: list[list[Part] | None]) -> list[Part] | None:
        found: list[Part] = []
        for each in lists:
            if each is None:
                return None
            found.extend(each)
        return found

    def entered(self, value: Value, context: Context) -> Value:
        """What a parameter is under a way into its function; the value itself without one."""
        origin = settled(value)
        while origin.kind is Kind.PARAMETER and context and owns(context[-1], origin, self):
            given = self.argument_for(context[-1], origin)
            if given is None:
                return origin
            origin, context = settled(given), context[:-1]
        return origin


def owns(call: Value, parameter: Value, module: Module) -> bool:
    """Whether a call enters the function of a parameter."""
    return module.function_of(call) is parameter.place.scope


def is_plain(scope: Scope) -> bool:
    """Whether a function does what its body says, when it is called."""
    return not scope.is_generator and all(name.startswith(TRANSPARENT) for name in scope.decorators)


def unwrapped(value: Value) -> Value:
    """The function behind `tf.function(f)`, `functools.partial(f, …)` and the like."""
    origin = settled(value)
    while origin.kind is Kind.CALL and origin.name in ("tensorflow.function", "tensorflow.recompute_grad"):
        first = origin.argument(0, "func")
        if first is None:
            return origin
        origin = settled(first)
    return origin


def key(value: Value) -> str:
    """What tells one object from another, once a file was read: the same text for the same attribute of one object."""
    if not value.known_key:
        value.known_key = _key(settled(value))
    return value.known_key


def _key(origin: Value) -> str:
    match origin.kind:
        case Kind.NAME:
            return origin.name
        case Kind.UNKNOWN if origin.name and not origin.inputs:
            return f"?{origin.name}"
        case Kind.PARAMETER:
            scope = origin.place.scope
            if scope.owner is not None and origin is scope.self_parameter:
                return f"self@{id(scope.owner)}"
            return f"%{origin.order}"
        case Kind.ATTRIBUTE:
            return f"{key(origin.inputs[0])}.{origin.name}"
        case Kind.ITEM if origin.inputs[1].kind is Kind.CONSTANT:
            return f"{key(origin.inputs[0])}[{origin.inputs[1].literal!r}]"
        case _:
            return f"%{origin.order}"


def is_part_of(inner: str, outer: str) -> bool:
    """Whether one key names something that hangs on another."""
    return inner.startswith((f"{outer}.", f"{outer}["))


def root(value: Value) -> Value:
    """The object an attribute, an item, or a part of it, hangs on in the end."""
    origin = settled(value)
    while origin.kind in (Kind.ATTRIBUTE, Kind.ITEM, Kind.PART, Kind.ELEMENT, Kind.UPDATE) and origin.inputs:
        origin = settled(origin.inputs[0])
    return origin


def position(value: Value) -> tuple[int, int]:
    """Line and column, both from 1, at which to point for a value; of a method's call, where its name stands."""
    node = value.node
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.end_lineno is not None:
        column = (node.func.end_col_offset or 0) - len(node.func.attr)
        if node.func.end_lineno != node.func.lineno:
            return node.func.end_lineno, column + 1
        return node.lineno, node.col_offset + 1
    return getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1


def is_loss_name(name: str) -> bool:
    """Whether something is named like a loss."""
    return LOSS_NAME.search(name) is not None


def place_of(value: Value, context: Context) -> tuple[Place, ...]:
    """The places that hold around a value: its own, and those of the calls that lead to it."""
    return (*(call.place for call in context), value.place)


def method_name(call: Value) -> str:
    """The name under which something is called: the method, or the last part of a dotted name."""
    return call.callee.name if call.callee.kind is Kind.ATTRIBUTE else last(call.name)
