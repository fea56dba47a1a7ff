"""Which objects may hold a model or a variable: by attribute, by construction, or because it was handed to them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gradlint.source.expressions import settled
from gradlint.source.identity import is_loss_name, is_part_of, key, root
from gradlint.source.names import is_library
from gradlint.source.values import Kind, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gradlint.source.module import Module
    from gradlint.source.variables import Part

_LIMIT = 400
_NESTED = 6
"""Lists in lists."""
_DEEPEST = 60
"""Objects that stand behind one another; beyond, anything may be behind them."""


def ancestors(module: Module, value: Value) -> frozenset[str]:
    """Keys of all that an object is built of: calls, parameters and attributes, with what a class binds to those."""
    found: set[str] = set()
    seen: set[int] = set()
    stack = [value]
    while stack and len(seen) < _LIMIT:
        each = settled(stack.pop())
        if id(each) in seen:
            continue
        seen.add(id(each))
        if each.kind is Kind.CALL and not each.name.startswith("builtins."):
            found.add(key(each))
        elif each.kind in (Kind.PARAMETER, Kind.ATTRIBUTE):
            found.add(key(each))
            if each.kind is Kind.ATTRIBUTE and (bound := module.attribute_bindings(each)):
                stack.extend(bound)
                continue
        elif each.kind is Kind.UNKNOWN and each.name:
            found.add(key(each))
        stack.extend(each.inputs)
    return frozenset(found)


def readers(module: Module, value: Value, hands_on: Callable[[Value], bool]) -> Iterator[Value]:
    """Yields what reads a value, once each, and then what reads those readers that hand it on."""
    stack, seen = [value], {id(value)}
    while stack:
        for user in module.consumers.get(id(stack.pop()), ()):
            if id(user) in seen:
                continue
            seen.add(id(user))
            yield user
            if hands_on(user):
                stack.append(user)


def are_distinct(module: Module, one: Value, other: Value) -> bool:
    """Whether two objects are not the same and share no parts, for certain."""
    values = (settled(one), settled(other))
    givers = [_givers(module, value) for value in values]
    if givers[0] is None or givers[1] is None:
        return False
    if bool(givers[0]) != bool(givers[1]):
        # One came as an argument, the other was made: the same function must have made it.
        given, made = (givers[0], values[1]) if givers[0] else (givers[1], values[0])
        if made.kind is not Kind.CALL or any(each.place.scope is not made.place.scope for each in given):
            return False
    elif givers[0] and {id(each.place.scope) for each in givers[0]} != {id(each.place.scope) for each in givers[1]}:
        return False
    shared = ancestors(module, values[0]) & ancestors(module, values[1])
    made_by = shared & module.call_keys
    own = {key(value) for value in (*givers[0], *givers[1])}
    return not made_by and not own & shared


def _givers(module: Module, value: Value) -> list[Value] | None:
    """The parameters that an object is: none when it was made in this file, None when that is not known."""
    origin = settled(value)
    if origin.kind is Kind.CALL:
        return []
    if origin.kind is Kind.PARAMETER:
        return [origin] if origin is not origin.place.scope.self_parameter else None
    if origin.kind is Kind.ATTRIBUTE:
        bound = [settled(each) for each in module.attribute_bindings(origin)]
        if bound and all(each.kind is Kind.CALL for each in bound):
            return []
        if bound and all(each.kind is Kind.PARAMETER for each in bound):
            return bound
    return None


class Holding:
    """Questions about one source: what is it, what may hold it, what cannot."""

    def __init__(self, module: Module, part: Part) -> None:
        self.module = module
        self.part = part
        self._asked: set[int] = set()

    @cached_property
    def lineage(self) -> frozenset[str]:
        return ancestors(self.module, self.part.value)

    @cached_property
    def base(self) -> Value:
        return root(self.part.value)

    @cached_property
    def is_local(self) -> bool:
        """Whether the source was made in this file by a call and handed to nobody who could keep it."""
        origin = settled(self.part.value)
        if origin.kind is not Kind.CALL:
            return False
        for user in self.module.consumers.get(id(origin), ()):
            if user.kind is Kind.CALL and user.callee is not origin:
                known = settled(user.callee)
                if not is_library(user.name) and known.kind is not Kind.FUNCTION:
                    return False
        return True

    def is_same(self, value: Value) -> bool:
        """Whether an object is the source, a part of it, or what it is a part of."""
        other = key(value)
        if other == self.part.key or is_part_of(other, self.part.key):
            return True
        return is_part_of(self.part.key, other) and settled(value).kind is not Kind.PARAMETER

    def is_related(self, value: Value, depth: int = 0) -> bool:
        """Whether an object is, or shares parts with, the source."""
        origin = settled(value)
        if origin.kind in (Kind.CONSTANT, Kind.NAME, Kind.FUNCTION, Kind.CLASS):
            return key(origin) == self.part.key
        if self.is_same(origin):
            return True
        if origin.kind in (Kind.SEQUENCE, Kind.MAPPING) and depth < _NESTED:
            return any(self.is_related(each, depth + 1) for each in origin.inputs)
        return False

    def is_passed(self, value: Value, depth: int = 0) -> bool:
        """Whether an argument gives a function the source, or an object that holds it."""
        origin = settled(value)
        if origin.kind in (Kind.SEQUENCE, Kind.MAPPING) and depth < _NESTED:
            return any(self.is_passed(each, depth + 1) for each in origin.inputs)
        if origin.kind is Kind.FUNCTION:
            return True
        if origin.kind is Kind.ATTRIBUTE and self.is_same(origin.inputs[0]):
            return True
        if not self.part.is_model:
            return False
        other = key(origin)
        return (
            other == self.part.key
            or is_part_of(self.part.key, other)
            or (origin.kind is Kind.CALL and origin.callee.kind is not Kind.ATTRIBUTE and self._shares_model(origin))
        )

    def _shares_model(self, call: Value) -> bool:
        """Whether a call builds an object around the source; the result of calling the source is not one."""
        built = call.name.startswith("keras.") and call.name.rpartition(".")[2][:1].isupper()
        built = built or self.module.class_scope(call) is not None
        return built and self.part.key in ancestors(self.module, call)

    def is_distinct_model(self, value: Value) -> bool:
        """Whether an object is a model or layer of its own, that shares nothing with the source."""
        origin = settled(value)
        other = key(origin)
        if self.is_same(origin):
            return False
        constructed = origin.kind is Kind.CALL and origin.name.startswith("keras.")
        bound = self.module.attribute_bindings(origin)
        if not (
            constructed or other in self.module.model_keys or any(each.name.startswith("keras.") for each in bound)
        ):
            return False
        return are_distinct(self.module, origin, self.part.value)

    def may_call(self, callee: Value) -> bool:
        """Whether a function or object that the file does not show may use the source when it is called."""
        origin = settled(callee)
        if id(origin) in self._asked:
            return False  # a loop hands it on to itself: the other ways to it decide
        if len(self._asked) > _DEEPEST:
            return True
        self._asked.add(id(origin))
        try:
            return self._may_call(origin)
        finally:
            self._asked.discard(id(origin))

    def _may_call(self, origin: Value) -> bool:
        match origin.kind:
            case Kind.CONSTANT:
                return False
            case Kind.NAME:
                if is_library(origin.name):
                    return False
                return self.base.kind in (Kind.NAME, Kind.UNKNOWN)
            case Kind.PARAMETER:
                return not (self.is_local or is_loss_name(origin.name) or self.is_distinct_model(origin))
            case Kind.ATTRIBUTE:
                return self._attribute_may_call(origin)
            case Kind.CALL:
                if origin.name and is_library(origin.name) and not self._is_class(origin.name):
                    return any(self.may_call(each) for each in origin.inputs[1:] if each.kind is not Kind.CONSTANT)
                if self.is_same(origin):
                    return True
                if self.is_distinct_model(origin):
                    return False
                return bool(ancestors(self.module, origin) & self.lineage) or not (
                    self.is_local or is_library(origin.name)
                )
            case Kind.ITEM | Kind.PART | Kind.ELEMENT | Kind.UPDATE:
                return self.may_call(origin.inputs[0])
            case Kind.SEQUENCE | Kind.MAPPING | Kind.PHI | Kind.CHOICE:
                return any(self.may_call(each) for each in origin.inputs if settled(each) is not origin)
            case _:
                return True

    @staticmethod
    def _is_class(name: str) -> bool:
        return name.rpartition(".")[2][:1].isupper()

    def _attribute_may_call(self, attribute: Value) -> bool:
        base = settled(attribute.inputs[0])
        if self.is_distinct_model(attribute):
            return False
        bound = self.module.attribute_bindings(attribute)
        if bound and not all(self.may_call(each) for each in bound if each is not attribute):
            return any(self.may_call(each) for each in bound if each is not attribute)
        other = key(base)
        if other == self.part.key or is_part_of(self.part.key, other):
            return True
        if base.kind is Kind.NAME and is_library(base.name):
            return False
        if bound:
            return True
        if base.kind in (Kind.PARAMETER, Kind.UNKNOWN, Kind.ATTRIBUTE):
            # A tensor's own methods, or an object that came from elsewhere.
            return not self.is_local
        return self.may_call(base)

    def may_hold(self, value: Value) -> bool:
        """Whether reading an attribute of an object may give what was computed with the source."""
        origin = settled(value)
        other = key(origin)
        if other == self.part.key or is_part_of(self.part.key, other):
            return True
        if origin.kind is Kind.PARAMETER and origin.place.scope.self_parameter is origin:
            return True
        if origin.kind is Kind.PARAMETER:
            return False
        return origin.kind is Kind.UNKNOWN and not self.is_local

    def is_plain(self, value: Value) -> bool:
        """Whether what a class binds to an attribute has nothing to do with a forward pass."""
        origin = settled(value)
        if origin.kind in (Kind.CONSTANT, Kind.PARAMETER, Kind.NAME):
            return True
        if origin.kind is Kind.CALL and origin.name and is_library(origin.name):
            given = [settled(each) for each in origin.inputs[1:]]
            # A list by itself may be filled later; a shape is not.
            parts = [part for each in given for part in (each.inputs if each.kind is Kind.SEQUENCE else [each])]
            return all(self.is_plain(part) for part in parts)
        return origin.kind is Kind.OPERATION and all(self.is_plain(each) for each in origin.inputs)
