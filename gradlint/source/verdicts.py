"""What is wrong between a loss and what is to learn: one verdict for each place, from the traces of all questions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from gradlint.departures import METHODS, NUMBERS
from gradlint.source.expected import is_expected_none, is_test
from gradlint.source.expressions import settled
from gradlint.source.identity import is_loss_name, key
from gradlint.source.makers import is_made, prediction_of
from gradlint.source.module import Module, Question
from gradlint.source.names import is_library, is_numpy, last
from gradlint.source.operations import Stop
from gradlint.source.paths import Trace, is_recorded, trace
from gradlint.source.values import Context, Kind, Value
from gradlint.source.variables import Part, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMS = 64
SITES = 8
"""Calls of one function that are told apart."""


class Fault(Enum):
    """What a verdict is about."""

    STOPPED = "stopped"
    CALL_BEFORE = "call before"
    LOSS_OUTSIDE = "loss outside"
    DERIVATIVE = "derivative"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One place that keeps the gradient from a source.

    Attributes:
        value: where to point.
        part: the source without a gradient; None when none of them gets one.
        after: of a loss outside of the block, whether it stands after it.
    """

    fault: Fault
    value: Value
    question: Question
    part: Part | None = None
    stop: Stop | None = None
    after: bool = False


@lru_cache(maxsize=4)
def verdicts(module: Module) -> tuple[Verdict, ...]:
    """All verdicts of a file, each place and fault once."""
    found: dict[tuple[Fault, int], Verdict] = {}
    for question in module.questions:
        for verdict in _question_verdicts(module, question):
            found.setdefault((verdict.fault, id(verdict.value)), verdict)
    return tuple(found.values())


def _question_verdicts(module: Module, question: Question) -> Iterator[Verdict]:
    target = question.target
    blocks = module.blocks_of(question.tape)
    if target is None or not blocks or question.call.place.raises or _is_entered_elsewhere(module, question.tape):
        return
    if is_expected_none(module, question.call):
        return
    derived = False
    parts = (parts_of(module, question.sources, question.context) if question.sources is not None else None) or []
    for part in parts:
        if not part.is_model and not is_variable(module, part.value) and not _is_watched(module, question, part):
            continue
        met = trace(module, question, part)
        left = _left_by(target)
        if left is not None and trace(module, question, part, left).live:
            yield Verdict(Fault.STOPPED, settled(target), question, part, Stop.PYTHON)
        elif met.live:
            yield from _dead_terms(module, question, part, target)
        elif met.stops:
            for value, stop in met.stops.items():
                yield Verdict(Fault.STOPPED, value, question, part, stop)
        elif met.derivatives and not met.outside:
            if any(each.call in met.derivatives for each in module.questions):
                yield Verdict(Fault.DERIVATIVE, question.call, question, part)
                derived = True
    if derived:
        return
    outside = list(_outside(module, question, target))
    if outside:
        yield from outside
        return
    for each in (question, *_entered(module, question)):
        for part in parts_of(module, each.sources, each.context) or () if each.sources is not None else ():
            if part.is_model:
                yield from _called_before(module, each, part)


def _left_by(target: Value) -> Value | None:
    """The tensor that a target was, where it is asked for as a plain number: `float(loss)`, `loss.numpy()`."""
    origin = settled(target)
    if origin.kind is not Kind.CALL:
        return None
    if origin.name in _NUMBERS:
        return origin.arguments[0] if len(origin.arguments) == 1 else None
    callee = settled(origin.callee)
    return callee.inputs[0] if callee.kind is Kind.ATTRIBUTE and callee.name in METHODS else None


_NUMBERS = frozenset(f"builtins.{name}" for name in NUMBERS)


def _entered(module: Module, question: Question) -> Iterator[Question]:
    """The question under each call of the function that it stands in, when its loss comes from an argument."""
    home = question.call.place.scope
    if not question.context and home.kind == "function":
        for site in module.call_sites.get(id(home), ())[:SITES]:
            if not site.place.raises and not is_test(module, site):
                yield Question(question.call, question.tape, (site,))


def _is_entered_elsewhere(module: Module, tape: Value) -> bool:
    """Whether the tape is opened by other means than a `with` of this file."""
    for user in module.consumers.get(id(tape), ()):
        if user.kind is Kind.ATTRIBUTE and user.name in ("__enter__", "_push_tape", "_tape"):
            return True
        if (
            user.kind is Kind.CALL
            and user.callee.kind is Kind.ATTRIBUTE
            and user.callee.name in ("enter_context", "push")
        ):
            return True
    return False


def is_variable(module: Module, value: Value) -> bool:
    """Whether a value is a `tf.Variable` for certain."""
    return is_made(module, value, lambda call: last(call.name) == "Variable" and is_library(call.name))


def watched(module: Module, tape: Value) -> list[Value]:
    """What a tape is told to watch."""
    return module.watched.get(id(tape), [])


def _is_watched(module: Module, question: Question, part: Part) -> bool:
    return any(key(each) == part.key for each in watched(module, question.tape))


# Losses that the tape did not record


def _outside(module: Module, question: Question, target: Value) -> Iterator[Verdict]:
    """The computation of the target, when it stands outside of every block of the tape."""
    found = list(_unrecorded_targets(module, question, settled(target), question.context, 0))
    if not found or any(each is None for each in found):
        return
    for value in dict.fromkeys(each for each in found if each is not None):
        after = value.order > max(block.ends[-1] for block in module.blocks_of(question.tape) if block.ends)
        yield Verdict(Fault.LOSS_OUTSIDE, _first_unrecorded(module, question, value) if after else value, question,
                      after=after)  # fmt: skip


def _unrecorded_targets(
    module: Module, question: Question, value: Value, context: Context, depth: int
) -> Iterator[Value | None]:
    """The computations that make the target outside of the tape; None for what may have been recorded."""
    if value.kind in (Kind.SEQUENCE, Kind.MAPPING) and value.inputs and depth < 4:
        for each in value.inputs:
            yield from _unrecorded_targets(module, question, settled(each), context, depth + 1)
    elif value.kind is Kind.PARAMETER and context:
        given = (
            module.argument_for(context[-1], value) if module.function_of(context[-1]) is value.place.scope else None
        )
        if given is None:
            yield None
        else:
            yield from _unrecorded_targets(module, question, settled(given), context[:-1], depth + 1)
    elif is_recorded(question.tape, value, context) or value.place.scope is not _home(module, question):
        yield None
    elif value.kind is Kind.OPERATION and value.name not in ("*", "text", "Not", "Mult"):
        yield value if _computes_tensor(value) else None
    elif value.kind is Kind.OPERATION and value.name == "Mult":
        yield value if not any(each.kind is Kind.SEQUENCE for each in value.inputs) else None
    elif value.kind is Kind.CALL and _is_computation(module, value):
        yield value
    else:
        yield None


def _home(module: Module, question: Question) -> object:
    return module.blocks_of(question.tape)[0].tape.place.scope


def _computes_tensor(value: Value) -> bool:
    """Whether an addition is one of tensors, not of lists."""
    for each in value.inputs:
        origin = settled(each)
        if origin.kind in (Kind.SEQUENCE, Kind.COMPREHENSION, Kind.UPDATE, Kind.MAPPING):
            return False
        if origin.kind is Kind.OPERATION and not _computes_tensor(origin):
            return False
    return True


def _is_computation(module: Module, call: Value) -> bool:
    """Whether a call makes a new tensor, and does not merely hand one on."""
    callee = settled(call.callee)
    if call.name:
        if not is_library(call.name) or last(call.name)[:1].isupper() or call.name.startswith("builtins."):
            return call.name == "builtins.sum" or (
                not is_library(call.name) and is_loss_name(call.name) and bool(call.arguments)
            )
        return last(call.name) not in (
            "constant",
            "convert_to_tensor",
            "flatten",
            "pack_sequence_as",
            "identity",
            "map_structure",
            "stop_gradient",
            "cond",
        )
    if callee.kind is Kind.CALL and is_library(callee.name):
        return callee.name.startswith("keras.") and bool(call.arguments)
    if callee.kind is Kind.ATTRIBUTE:
        bound = module.attribute_bindings(callee)
        if bound and all(each.name.startswith("keras.") for each in bound):
            return bool(call.arguments)
        if callee.name in ("get_scaled_loss", "scale_loss"):
            return True
    scope = module.function_of(call)
    if scope is not None:
        return bool(scope.returns) and all(_is_fresh(module, each) for each in scope.returns)
    names_loss = callee.kind in (Kind.ATTRIBUTE, Kind.PARAMETER, Kind.UNKNOWN) and is_loss_name(callee.name)
    return names_loss and (bool(call.arguments) or prediction_of(module, call) is not None)


def _is_fresh(module: Module, value: Value) -> bool:
    origin = settled(value)
    if origin.kind is Kind.OPERATION:
        return origin.name not in ("*", "text", "Not") and _computes_tensor(origin)
    return origin.kind is Kind.CALL and module.function_of(origin) is None and _is_computation(module, origin)


def _first_unrecorded(module: Module, question: Question, value: Value) -> Value:
    """The earliest computation after the block that leads to the target: where the tape was left."""
    first = value
    stack, seen = [value], {id(value)}
    start = max(block.ends[-1] for block in module.blocks_of(question.tape) if block.ends)
    while stack:
        each = stack.pop()
        for inner in each.inputs:
            origin = settled(inner)
            if id(origin) in seen or origin.order <= start or origin.place.scope is not value.place.scope:
                continue
            seen.add(id(origin))
            stack.append(origin)
            computing = origin.kind is Kind.OPERATION or (origin.kind is Kind.CALL and _is_computation(module, origin))
            if computing and origin.order < first.order and _reads_block(module, question, origin):
                first = origin
    return first


def _reads_block(module: Module, question: Question, value: Value) -> bool:
    """Whether a value is computed from what the block made."""
    stack, seen = [value], {id(value)}
    while stack and len(seen) < 200:
        for inner in stack.pop().inputs:
            origin = settled(inner)
            if id(origin) in seen:
                continue
            seen.add(id(origin))
            if is_recorded(question.tape, origin, ()):
                return True
            stack.append(origin)
    return False


def _called_before(module: Module, question: Question, part: Part) -> Iterator[Verdict]:
    met = trace(module, question, part)
    if met.live or met.stops or met.derivatives or met.detached:
        return
    home = _home(module, question)
    start = min(block.start for block in module.blocks_of(question.tape))
    for _, use in met.outside:
        before = use.place.scope is home and use.order < start
        if question.context:
            site = question.context[0]
            before = use.place.scope is site.place.scope and use.order < site.order
        if before and not any(use is each.call for each in module.questions):
            yield Verdict(Fault.CALL_BEFORE, use, question, part)


# Terms of a loss


def _dead_terms(module: Module, question: Question, part: Part, target: Value) -> Iterator[Verdict]:
    """Terms of the loss whose every path to the source is stopped, while another term has one."""
    terms = list(_terms(target))
    if len(terms) < 2:
        return
    for value in terms:
        met: Trace = trace(module, question, part, value)
        if met.live or met.detached:
            continue
        for stop, why in met.stops.items():
            if why is not Stop.ASSIGN and is_recorded(question.tape, stop, question.context):
                yield Verdict(Fault.STOPPED, stop, question, part, why)


def _terms(target: Value) -> Iterator[Value]:
    """The values whose sum is the loss."""
    stack, seen, count = [target], set(), 0
    while stack and count < TERMS:
        value = settled(stack.pop())
        if id(value) in seen:
            continue
        seen.add(id(value))
        if (
            (value.kind is Kind.OPERATION and value.name in ("Add", "Sub", "USub", "UAdd"))
            or value.kind is Kind.PHI
            or (value.kind is Kind.SEQUENCE and value.inputs)
        ):
            stack.extend(value.inputs)
        elif (
            value.kind is Kind.CALL
            and last(value.name) in ("add_n", "reduce_mean", "reduce_sum", "sum", "add", "mean")
            and (is_library(value.name) and not is_numpy(value.name))
        ):
            stack.extend(value.arguments[: 2 if last(value.name) == "add" else 1])
        elif value.kind is Kind.UPDATE and value.name in ("append", "extend"):
            stack.extend(value.inputs)
        else:
            count += 1
            yield value


def stopped(module: Module, stop: Stop) -> list[Verdict]:
    """The verdicts about one kind of stop."""
    return [each for each in verdicts(module) if each.fault is Fault.STOPPED and each.stop is stop]
