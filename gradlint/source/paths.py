"""The way of values from a loss back to what is to learn.

`trace(module, question, part)` walks back from the target of a question, by values alone, and says how one source is
met: on a path that the tape recorded, behind a stop (NumPy, `predict`, `argmax`), or in a computation that the tape did
not see. What the file does not show counts as a recorded path: then nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gradlint.departures import METHODS
from gradlint.source.expressions import MUTATORS, QUESTIONS, settled
from gradlint.source.identity import is_loss_name, key, place_of, unwrapped
from gradlint.source.lineage import Holding
from gradlint.source.makers import prediction_of
from gradlint.source.names import is_library, last
from gradlint.source.operations import (
    DETACHED,
    INTEGERS,
    PLAIN_ATTRIBUTES,
    PLAIN_METHODS,
    PREDICTORS,
    Stop,
    dtype_name,
    stop_of,
    value_inputs,
)
from gradlint.source.values import Context, Kind, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradlint.source.module import Module, Question
    from gradlint.source.variables import Part

DEPTH = 6
"""Calls of the file's own functions that are followed into one another."""
STEPS = 20_000
"""Values looked at for one question; beyond, nothing is said."""


@dataclass(slots=True)
class Trace:
    """How a source is met on the way back from a target.

    Attributes:
        live: a recorded path meets the source, or may.
        stops: the calls that stop the gradient with the source behind them, and why.
        outside: computations that the tape did not record with the source behind them: the one met first on the way
            back, and the use of the source.
        unrecorded: all computations on the way that the tape did not record, with the contexts.
        derivatives: gradients that were taken where the tape did not record.
        detached: whether `stop_gradient` was met.
    """

    live: bool = False
    stops: dict[Value, Stop] = field(default_factory=dict)
    outside: list[tuple[Value, Value]] = field(default_factory=list)
    unrecorded: list[tuple[Value, Context]] = field(default_factory=list)
    derivatives: list[Value] = field(default_factory=list)
    detached: bool = False


@dataclass(frozen=True, slots=True)
class _Behind:
    """The stop, or the unrecorded computation, behind which the walk is."""

    value: Value
    stop: Stop | None


_State = tuple[Value, Context, "_Behind | None"]


class Tracer:
    """One walk back, for one source of one question."""

    def __init__(self, module: Module, question: Question, part: Part) -> None:
        self.module = module
        self.question = question
        self.part = part
        self.holding = Holding(module, part)
        self.blocks = module.blocks_of(question.tape)
        self.trace = Trace()
        self._seen: set[tuple[int, tuple[int, ...], int]] = set()
        self._stack: list[_State] = []

    def run(self, target: Value, context: Context) -> Trace:
        self._push([target], context, None)
        steps = 0
        while self._stack:
            steps += 1
            if steps > STEPS:
                self.trace.live = True
                break
            value, where, behind = self._stack.pop()
            self._visit(value, where, behind)
        return self.trace

    def _push(self, values: Iterable[Value], context: Context, behind: _Behind | None) -> None:
        for value in values:
            mark = (id(value), tuple(id(call) for call in context), id(behind.value) if behind else 0)
            if mark not in self._seen:
                self._seen.add(mark)
                self._stack.append((value, context, behind))

    def is_recorded(self, value: Value, context: Context) -> bool:
        """Whether the tape records what is computed there."""
        return is_recorded(self.question.tape, value, context)

    def _meet(self, use: Value, behind: _Behind | None) -> None:
        if behind is None:
            self.trace.live = True
        elif behind.stop is not None:
            self.trace.stops[behind.value] = behind.stop
        else:
            self.trace.outside.append((behind.value, use))

    def _may_meet(self, behind: _Behind | None) -> None:
        if behind is None:
            self.trace.live = True

    def _visit(self, value: Value, context: Context, behind: _Behind | None) -> None:
        if not self.part.is_model and value.kind is not Kind.PHI and key(value) == self.part.key:
            self._meet(value, behind)
            return
        if behind is None:
            self._follow_assignments(value, context)
        match value.kind:
            case Kind.CONSTANT | Kind.NAME | Kind.CLASS | Kind.FUNCTION:
                return
            case Kind.UNKNOWN:
                if value.inputs or not value.name:
                    self._may_meet(behind)
                    self._push(value.inputs, context, behind) if behind else None
                elif self.holding.may_hold(value):
                    self._may_meet(behind)
            case Kind.PARAMETER:
                self._parameter(value, context, behind)
            case Kind.ATTRIBUTE:
                self._attribute(value, context, behind)
            case Kind.CALL:
                self._call(value, context, behind)
            case Kind.COMPARISON:
                if behind is None and value.name not in ("Is", "IsNot", "In", "NotIn"):
                    behind = _Behind(value, Stop.DISCRETE) if self.is_recorded(value, context) else None
                    if behind is not None:
                        self._push(value.inputs, context, behind)
            case Kind.OPERATION if value.name == "text" or value.name == "Not":
                return
            case Kind.OPERATION if value.name not in ("*",):
                self._push(value.inputs, context, self._computed(value, context, behind))
            case Kind.ITEM | Kind.PART | Kind.ELEMENT:
                self._taken(value, context, behind)
            case Kind.COMPREHENSION:
                self._push(value.inputs[: -max(1, len(getattr(value.node, "generators", ())))], context, behind)
            case _:
                self._push(value.inputs, context, behind)

    def _computed(self, value: Value, context: Context, behind: _Behind | None) -> _Behind | None:
        """What is behind a computation: nothing new when the tape recorded it."""
        if behind is not None or self.is_recorded(value, context):
            if behind is None and value.name == "FloorDiv":
                return _Behind(value, Stop.DISCRETE)
            return behind
        if value.kind is Kind.OPERATION and all(
            settled(each).kind in (Kind.SEQUENCE, Kind.COMPREHENSION, Kind.UPDATE) for each in value.inputs[:1]
        ):
            return None  # lists are joined, nothing is computed
        self.trace.unrecorded.append((value, context))
        return _Behind(value, None)

    def _parameter(self, value: Value, context: Context, behind: _Behind | None) -> None:
        scope = value.place.scope
        for depth in range(len(context) - 1, -1, -1):
            if self.module.function_of(context[depth]) is scope:
                given = self.module.argument_for(context[depth], value)
                if given is not None:
                    self._push([given], context[:depth], behind)
                else:
                    self._may_meet(behind)
                return
        if not self._is_around(scope):
            self._may_meet(behind)  # of a function that is called where the file does not show it

    def _is_around(self, scope: Scope) -> bool:
        """Whether a scope is one of those through which the question was entered, or encloses one of them."""
        for place in place_of(self.question.call, self.question.context):
            inner: Scope | None = place.scope
            while inner is not None:
                if inner is scope:
                    return True
                inner = inner.parent
        return False

    def _attribute(self, value: Value, context: Context, behind: _Behind | None) -> None:
        if value.name in PLAIN_ATTRIBUTES:
            return
        base = self.module.entered(value.inputs[0], context)
        if self.part.is_model and self.holding.is_same(base):
            self._meet(value, behind)
            return
        bound = self.module.attribute_bindings(value)
        owner = self.module.receiver_class(base)
        if owner is not None and any(
            "builtins.property" in each.decorators for each in owner.children.get(value.name, ())
        ):
            self._may_meet(behind)
            return
        if bound:
            if behind is None and not all(self.holding.is_plain(each) for each in bound):
                self._may_meet(behind)
            return
        if self.holding.may_hold(base):
            self._may_meet(behind)
            return
        self._push([base], context if base is value.inputs[0] else context[:-1], behind)

    def _taken(self, value: Value, context: Context, behind: _Behind | None) -> None:
        base = settled(value.inputs[0])
        if value.kind is Kind.PART:
            picked = self._picked(base, value.index, context)
            if picked is not None:
                for each, where in picked:
                    self._push([each], where, behind)
                return
        if self.part.is_model and self.holding.is_same(base) is True:
            self._meet(value, behind)
            return
        self._push([base], context, behind)

    def _picked(self, base: Value, index: int, context: Context) -> list[tuple[Value, Context]] | None:
        """The values that unpacking takes from a result of one of the file's functions, or from a `zip`."""
        if base.kind is Kind.SEQUENCE and index < len(base.inputs):
            return [(base.inputs[index], context)]
        if base.kind is Kind.ELEMENT:
            iterable = settled(base.inputs[0])
            if iterable.kind is Kind.CALL and iterable.name == "builtins.zip" and index < len(iterable.arguments):
                return [(iterable.arguments[index], context)]
            return None
        if base.kind is not Kind.CALL or base in context or len(context) >= DEPTH:
            return None
        scope = self.module.function_of(base)
        if scope is None or not scope.returns:
            return None
        found = []
        for each in scope.returns:
            origin = settled(each)
            if origin.kind is not Kind.SEQUENCE or index >= len(origin.inputs):
                return None
            found.append((origin.inputs[index], (*context, base)))
        return found

    # Calls

    def _call(self, value: Value, context: Context, behind: _Behind | None) -> None:
        callee = settled(value.callee)
        if callee.kind is Kind.ATTRIBUTE and callee.name in QUESTIONS:
            self._derivative(value, context, behind)
        elif callee.kind is Kind.ATTRIBUTE:
            self._method(value, callee, context, behind)
        elif value.name and is_library(value.name):
            self._library(value, context, behind)
        else:
            self._own(value, callee, context, behind)

    def _derivative(self, value: Value, context: Context, behind: _Behind | None) -> None:
        if behind is None and not self.is_recorded(value, context):
            self.trace.derivatives.append(value)
            return
        self._push(value.inputs[1:], context, behind)

    def _library(self, value: Value, context: Context, behind: _Behind | None) -> None:
        if last(value.name) in DETACHED:
            self.trace.detached = True
            return
        if value.name == "tensorflow.custom_gradient" or last(value.name) in ("py_function", "grad_pass_through"):
            self._may_meet(behind)
            return
        if value.name.startswith("keras.") and (
            value.name.startswith("keras.metrics.") and last(value.name)[0].isupper()
        ):
            return
        if any(self.holding.is_related(each) for each in value.inputs[1:]) and self.part.is_model:
            self._may_meet(behind)
        inside = self._computed_call(value, context, behind)
        inputs = value_inputs(value)
        for each in value.inputs[1:]:
            function = unwrapped(each)
            if function.kind is Kind.FUNCTION and function.scope is not None:
                self._push(function.scope.returns, context, inside)
                inputs = list(value.inputs[1:])
        self._push(inputs, context, inside)
        if last(value.name) == "where" and inside is None and len(value.arguments) > 1:
            condition = settled(value.arguments[0])
            if condition.kind is Kind.COMPARISON:
                self._push([condition], context, None)  # where nothing else leads on, this is where it ends

    def _computed_call(self, value: Value, context: Context, behind: _Behind | None) -> _Behind | None:
        if behind is not None:
            return behind
        if not self.is_recorded(value, context):
            if value.name.startswith("builtins.") and last(value.name) not in ("sum", "float", "abs", "pow"):
                return None
            if last(value.name) in ("constant", "convert_to_tensor", "flatten", "pack_sequence_as"):
                return None  # it only hands on
            if last(value.name) == "Variable":
                return _Behind(value, None)
            self.trace.unrecorded.append((value, context))
            return _Behind(value, None)
        stop = stop_of(value)
        return _Behind(value, stop) if stop is not None else None

    def _method(self, value: Value, callee: Value, context: Context, behind: _Behind | None) -> None:
        receiver = self.module.entered(callee.inputs[0], context)
        name = callee.name
        if name in PLAIN_METHODS:
            return
        own = self.module.function_of(value)
        if self.part.is_model and self.holding.is_same(callee) and not self.holding.is_same(receiver):
            self._used(value, context, behind)  # `self.model(x)`
            return
        if own is not None and value not in context and len(context) < DEPTH:
            self._enter(own, value, context, behind)
            return
        if (prediction := prediction_of(self.module, value)) is not None:
            if behind is None and not self.is_recorded(value, context):
                self.trace.unrecorded.append((value, context))
                behind = _Behind(value, None)
            self._push([prediction], context, behind)
            return
        if self.part.is_model and self.holding.is_same(receiver):
            owner = self.module.receiver_class(receiver)
            defined = owner is not None and any(name in each.children for each in self.module.family(owner))
            if name in PREDICTORS and self._is_own_method(receiver, name):
                self._meet(value, behind)
            elif name in PREDICTORS and not defined:
                self._stopped_use(value, Stop.PREDICT, context, behind)
            elif name == "get_weights" and not defined:
                self._stopped_use(value, Stop.PYTHON, context, behind)
            else:
                self._used(value, context, behind)
            return
        if name in METHODS and behind is None and self.is_recorded(value, context):
            self._push([receiver], context, _Behind(value, Stop.PYTHON))
            return
        if name == "astype" and behind is None and dtype_name(value.argument(0, "dtype")) in INTEGERS:
            self._push([receiver], context, _Behind(value, Stop.DISCRETE))
            return
        if name in PREDICTORS and not self._is_own_method(receiver, name) and behind is None:
            if not self.holding.is_distinct_model(receiver):
                self._may_meet(behind)
            self._push(value.inputs[1:], context, _Behind(value, Stop.PREDICT))
            return
        if name in ("assign", "assign_add", "assign_sub") and behind is None:
            self._push(value.arguments[:1], context, _Behind(value, Stop.ASSIGN))
            self._push([receiver], context, behind)
            return
        if name in MUTATORS or name in ("get", "pop", "items", "values", "popleft", "copy"):
            self._push([receiver], context, behind)
            return
        self._unknown_call(value, callee, context, behind)

    def _is_own_method(self, receiver: Value, name: str) -> bool:
        """Whether an object that comes from elsewhere may be of a class of this file that defines the method."""
        if settled(receiver).kind is Kind.CALL and settled(receiver).name.startswith("keras."):
            return False
        return any(each.scope is not None and name in each.scope.children for each in self.module.classes)

    def _stopped_use(self, value: Value, stop: Stop, context: Context, behind: _Behind | None) -> None:
        if behind is not None:
            self._meet(value, behind)
        elif self.is_recorded(value, context):
            self.trace.stops[value] = stop
        else:
            self.trace.unrecorded.append((value, context))
            self.trace.outside.append((value, value))

    def _own(self, value: Value, callee: Value, context: Context, behind: _Behind | None) -> None:
        entered = self.module.entered(callee, context)
        if self.part.is_model and self.holding.is_same(entered):
            self._used(value, context, behind)
            return
        own = self.module.function_of(value)
        if own is not None and value not in context and len(context) < DEPTH:
            self._enter(own, value, context, behind)
            return
        self._unknown_call(value, entered, context, behind)

    def _used(self, value: Value, context: Context, behind: _Behind | None) -> None:
        """The source itself is called."""
        if behind is None and not self.is_recorded(value, context):
            self.trace.unrecorded.append((value, context))
            behind = _Behind(value, None)
        self._meet(value, behind)

    def _enter(self, own: Scope, value: Value, context: Context, behind: _Behind | None) -> None:
        """Go on with what a function of the file returns."""
        if not own.returns:
            self._may_meet(behind)
            return
        self._push(own.returns, (*context, value), behind)

    def _unknown_call(self, value: Value, callee: Value, context: Context, behind: _Behind | None) -> None:
        if behind is None and not self.is_recorded(value, context):
            known = callee.kind is Kind.CALL and is_library(callee.name)
            named = is_loss_name(callee.name) and len(value.inputs) > 1
            if known or named or self.holding.is_distinct_model(callee) or self._is_earlier(value, context):
                self.trace.unrecorded.append((value, context))
                behind = _Behind(value, None)
            else:
                # It may hand on what was computed elsewhere.
                self._may_meet(behind)
        given = [self.module.entered(each, context) for each in value.inputs[1:]]
        if behind is None and (self.holding.may_call(callee) or any(self.holding.is_passed(each) for each in given)):
            self.trace.live = True
            return
        self._push(value.inputs[1:], context, behind)
        if callee.kind is Kind.CALL:
            self._push(callee.inputs[1:], context, behind)
        elif callee.kind is Kind.ATTRIBUTE:
            self._push(callee.inputs[:1], context, behind)

    def _is_earlier(self, value: Value, context: Context) -> bool:
        """Whether a call is over before the tape is made, so that nothing it hands on was recorded."""
        tape = self.question.tape
        inside = (tape, *self.question.context)
        return not context and any(
            each.place.scope is value.place.scope and value.order < each.order for each in inside
        )

    def _follow_assignments(self, value: Value, context: Context) -> None:
        """Behind a variable that is read lies what was assigned to it in the block."""
        found = (
            self.module.assignments.get(key(value))
            if value.kind in (Kind.CALL, Kind.ATTRIBUTE, Kind.PARAMETER)
            else None
        )
        for call in found or ():
            if self.is_recorded(call, context) and call.place.scope is self._scope_of(context):
                self._push(call.arguments[:1], context, _Behind(call, Stop.ASSIGN))

    def _scope_of(self, context: Context) -> Scope:
        if context:
            scope = self.module.function_of(context[-1])
            if scope is not None:
                return scope
        return self.question.call.place.scope


def is_recorded(tape: Value, value: Value, context: Context) -> bool:
    """Whether a value is computed inside of a block of the tape, and not where it pauses."""
    inside = False
    for place in place_of(value, context):
        for block in place.blocks:
            if block.tape is tape:
                inside = not block.pauses
    return inside


def trace(module: Module, question: Question, part: Part, target: Value | None = None) -> Trace:
    """How the source is met on the way back from the question's target, or from the value given."""
    wanted = target if target is not None else question.target
    if wanted is None:
        return Trace(live=True)
    return Tracer(module, question, part).run(wanted, question.context)
