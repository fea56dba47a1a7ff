"""One file of Python source, as the rules see it: its values, and the questions its tapes are asked."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from gradlint.source.expressions import QUESTIONS, is_tape, settled
from gradlint.source.identity import is_plain, key, unwrapped
from gradlint.source.names import MODEL_ATTRIBUTES
from gradlint.source.statements import StatementReader
from gradlint.source.values import Block, Context, Kind, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


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
        cells: of a notebook, for each line the number of its cell, and its own in it.
    """

    path: str
    text: str
    tree: ast.Module
    cells: Mapping[int, tuple[int, int]] = field(default_factory=dict)
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

    def line_beside(self, line: int, place: int) -> str:
        """A line of the text as a finding in the line `place` calls it: `line 5`, or `cell 2, line 5` of a notebook."""
        if line not in self.cells:
            return f"line {line}"
        cell, own = self.cells[line]
        is_near = place in self.cells and self.cells[place][0] == cell
        return f"line {own}" if is_near else f"cell {cell}, line {own}"

    def release(self) -> None:
        """Cut the circles of values and scopes, once nothing is asked any more: the memory is free at once."""
        scopes = [self.scope]
        for value in self.values:
            if value.kind is Kind.PHI:
                value.inputs = []
            elif value.scope is not None:
                scopes.append(value.scope)
        for scope in scopes:
            scope.bindings, scope.children, scope.looked_up, scope.defaults = {}, {}, {}, {}
            scope.parameters, scope.returns, scope.bases = [], [], []

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
        found: defaultdict[int, list[Value]] = defaultdict(list)
        for value in self.values:
            for each in value.inputs:
                found[id(each)].append(value)
        return found

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
        if callee.kind is Kind.NAME:
            return None
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

    def entered(self, value: Value, context: Context) -> Value:
        """What a parameter is under a way into its function; the value itself without one."""
        origin = settled(value)
        while origin.kind is Kind.PARAMETER and context and self.enters(context[-1], origin):
            given = self.argument_for(context[-1], origin)
            if given is None:
                return origin
            origin, context = settled(given), context[:-1]
        return origin

    def enters(self, call: Value, parameter: Value) -> bool:
        """Whether a call enters the function of a parameter."""
        return self.function_of(call) is parameter.place.scope
