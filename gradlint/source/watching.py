"""What tapes watch, and what of their sources is a variable at all."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gradlint.source.expected import is_expected_none
from gradlint.source.expressions import settled
from gradlint.source.identity import key
from gradlint.source.makers import is_computed_tensor, is_constant_tensor, is_integer, makes_variable
from gradlint.source.names import is_library, last, words
from gradlint.source.paths import is_recorded
from gradlint.source.values import Kind, Value
from gradlint.source.verdicts import is_variable, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gradlint.source.module import Module, Question


def flattened(value: Value, depth: int = 0) -> Iterator[Value]:
    """The tensors of a list of lists; what the file does not show is one of them."""
    origin = settled(value)
    if origin.kind in (Kind.SEQUENCE, Kind.MAPPING) and depth < 5:
        for each in origin.inputs:
            yield from flattened(each, depth + 1)
    else:
        yield origin


def _made(module: Module, value: Value) -> Value | None:
    """The call that made a tensor, through an attribute that is bound once."""
    origin = settled(value)
    if origin.kind is Kind.ATTRIBUTE:
        bound = module.attribute_bindings(origin)
        return settled(bound[0]) if len(bound) == 1 else None
    return origin if origin.kind is Kind.CALL else None


def _name(value: Value, call: Value) -> str:
    node = call.node
    if isinstance(node, ast.Call):
        for each in (*node.args, *(keyword.value for keyword in node.keywords)):
            for part in ast.walk(each):
                if isinstance(part, ast.Name) and settled(value).kind is Kind.CALL:
                    bound = value.place.scope.bindings.get(part.id, [])
                    if any(settled(one) is settled(value) for one in bound):
                        return f"`{part.id}`"
    return "the source"


def _is_handed_on(module: Module, tape: Value) -> bool:
    """Whether a function that the file may not show could call `watch`."""
    for user in module.consumers.get(id(tape), ()):
        if user.kind is Kind.CALL and settled(user.callee) is not tape:
            return True
        if user.kind is Kind.ATTRIBUTE and user.name == "watch":
            called = [each for each in module.consumers.get(id(user), ()) if each.kind is Kind.CALL]
            if not called or any(each.callee is not user for each in called):
                return True  # `map(tape.watch, …)`
        if user.kind in (Kind.PHI, Kind.UPDATE, Kind.SEQUENCE, Kind.MAPPING):
            return True
    return False


def unwatched_sources(module: Module) -> Iterator[tuple[Question, str]]:
    """Questions with a source that the tape was not told to watch, and its name."""
    for question in module.questions:
        sources = question.sources
        if sources is None or question.call.place.raises or _is_handed_on(module, question.tape) or question.context:
            continue
        if not module.blocks_of(question.tape) or is_expected_none(module, question.call):
            continue
        told = [each for value in watched(module, question.tape) for each in flattened(value)]
        if any(each.kind not in (Kind.CALL, Kind.ATTRIBUTE, Kind.CONSTANT, Kind.NAME) for each in told):
            continue  # the file does not show what is watched
        keys = {key(each) for each in told}
        accessed = question.tape.argument(1, "watch_accessed_variables")
        if accessed is not None and accessed.literal is False and not told:
            yield question, "nothing is watched by a tape with watch_accessed_variables=False, so the source"
            continue
        if accessed is None and None in question.tape.keywords:
            continue
        for each in flattened(sources):
            made = _made(module, each)
            # What is told may be the same tensor under another name.
            is_tensor = is_constant_tensor if told else lambda one: is_constant_tensor(one) or is_computed_tensor(one)
            if _is_carried(module, question, each, is_tensor) and key(each) not in keys:
                yield question, f"`{each.name}`" if each.name else "the source"
                break
            if _is_derived(module, question, each):
                yield question, "the source is computed outside of the tape and"
                break
            if made is None or key(each) in keys or key(made) in keys or not is_tensor(made):
                continue
            if is_recorded(question.tape, made, ()) and made.arguments and not _is_literal(made):
                continue
            yield question, _name(made, question.call)
            break


def _is_derived(module: Module, question: Question, value: Value) -> bool:
    """Whether a source is arithmetic on variables or constants from outside of the block: a tensor."""
    if (
        not _is_arithmetic(value)
        or is_recorded(question.tape, value, ())
        or key(value) in {key(each) for each in watched(module, question.tape)}
    ):
        return False
    terms = list(_operands(value))
    known = [each for each in terms if is_variable(module, each) or is_constant_tensor(each)]
    if not known or any(each.kind is not Kind.CONSTANT for each in terms if each not in known):
        return False
    return not any(_bound_name(each) and _bound_name(each) == _bound_name(value) for each in known)


def _is_carried(module: Module, question: Question, value: Value, is_tensor: Callable[[Value], bool]) -> bool:
    """Whether a source is a tensor in every turn of a loop, computed outside of the block."""
    if value.kind is not Kind.PHI:
        return False
    bound = [settled(each) for each in _expanded(value)]
    return any(is_tensor(each) for each in bound) and all(
        (is_tensor(each) or _is_arithmetic(each)) and not is_recorded(question.tape, each, ()) for each in bound
    )


def _is_literal(call: Value) -> bool:
    first = settled(call.arguments[0])
    return first.kind is Kind.CONSTANT or (
        first.kind is Kind.SEQUENCE and all(settled(each).kind is Kind.CONSTANT for each in first.inputs)
    )


def integer_sources(module: Module) -> Iterator[tuple[Value, str]]:
    """Where integers are watched, or are the source of a question."""
    reported: set[str] = set()
    for call in module.calls:
        if call.callee.kind is Kind.ATTRIBUTE and call.callee.name == "watch" and not call.place.raises:
            if any(True for _ in module.tapes_behind(call.callee.inputs[0], ())):
                for value in call.inputs[1:]:
                    for each in flattened(value):
                        made = _made(module, each)
                        if made is not None and is_integer(made) and key(each) not in reported:
                            reported.add(key(each))
                            yield call, _name(made, call)
    for question in module.questions:
        if question.sources is None or question.call.place.raises or is_expected_none(module, question.call):
            continue
        for each in flattened(question.sources):
            made = _made(module, each)
            if made is not None and is_integer(made) and makes_variable(made) and key(each) not in reported:
                reported.add(key(each))
                yield question.call, _name(made, question.call)


def rebound_variables(module: Module) -> Iterator[tuple[Value, str]]:
    """Arithmetic that replaces a variable of which a gradient is asked afterwards, with the variable's name."""
    reported: set[int] = set()
    for question in module.questions:
        if question.sources is None or question.call.place.raises:
            continue
        told = {key(each) for value in watched(module, question.tape) for each in flattened(value)}
        for source in _alternatives(question.sources):
            for value, name in _rebindings(module, source):
                if id(value) in reported or told:
                    continue
                if is_recorded(question.tape, value, ()):
                    continue
                reported.add(id(value))
                yield value, f"`{name}`" if name else "the variable"


def _alternatives(sources: Value) -> Iterator[Value]:
    """Each source, before bindings that meet are told apart."""
    origin = settled(sources)
    if origin.kind is Kind.SEQUENCE:
        for each in origin.inputs:
            yield from _alternatives(each)
    else:
        yield origin


def _rebindings(module: Module, source: Value) -> Iterator[tuple[Value, str]]:
    if source.kind is Kind.PHI:
        alternatives = list(_expanded(source))
        if any(is_variable(module, each) for each in alternatives):
            for each in alternatives:
                if _is_arithmetic(each) and _reads(each, alternatives):
                    yield each, source.name
    elif source.kind is Kind.ATTRIBUTE:
        bound = [settled(each) for each in module.attribute_bindings(source)]
        if any(is_variable(module, each) for each in bound):
            for each in bound:
                if _is_arithmetic(each) and any(key(part) == key(source) for part in _operands(each)):
                    yield each, f"self.{source.name}"
    elif _is_arithmetic(source):
        for part in _operands(source):
            name = _bound_name(part)
            if is_variable(module, part) and name and source in part.place.scope.bindings[name]:
                yield source, name
                break


def _bound_name(value: Value) -> str:
    for name, bound in value.place.scope.bindings.items():
        if any(settled(each) is value for each in bound):
            return name
    return ""


def _expanded(value: Value) -> Iterator[Value]:
    stack, seen = [value], {id(value)}
    while stack:
        each = stack.pop()
        if each.kind is not Kind.PHI:
            yield each
            continue
        for inner in each.inputs:
            if id(inner) not in seen:
                seen.add(id(inner))
                stack.append(inner)


_ELEMENTWISE = words("subtract add multiply clip_by_value maximum minimum cast identity")


def _is_arithmetic(value: Value) -> bool:
    if value.kind is Kind.OPERATION:
        return value.name in ("Sub", "Add", "Mult", "Div")
    return value.kind is Kind.CALL and is_library(value.name) and last(value.name) in _ELEMENTWISE


def _operands(value: Value) -> Iterator[Value]:
    """The terms of an arithmetic expression."""
    stack = [value]
    while stack:
        each = settled(stack.pop())
        if each is not value and not _is_arithmetic(each):
            yield each
        elif _is_arithmetic(each):
            stack.extend(each.inputs if each.kind is Kind.OPERATION else each.inputs[1:])


def _reads(value: Value, alternatives: list[Value]) -> bool:
    """Whether the arithmetic starts from the very name that it is bound to."""
    for each in _operands(value):
        inner = list(_expanded(each)) if each.kind is Kind.PHI else [each]
        if any(one in alternatives for one in inner):
            return True
    return False
