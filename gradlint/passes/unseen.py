"""Why a tape that the step asks gives no gradient: each reason is a fact of the recording.

The recording has seen every operation, so what the user's tape could have known is counted out: which operations
ran while it was open, what it watched, and what each operation hands on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.operations import INNER_GRADIENT, NUMPY_CONVERSION, Trait, has
from gradlint.record.terms import Local, Region, TargetKind, is_float
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gradlint.flow import Flow
    from gradlint.record.recording import OpRecord
    from gradlint.record.step_record import AskedSource, Evaluation, Frame, Frames, GradientCall, StepRecord, TapeRecord


class Reason(str, Enum):
    """Why a tape knows of no connection."""

    BEFORE = "computed before the tape was opened"
    RESET = "computed before the tape was reset"
    OUTSIDE = "computed while the tape was not recording"
    PREDICT = "predict() returns NumPy arrays"
    PYTHON = "values leave TensorFlow"
    PYTHON_FUNCTION = "values pass through a Python function"
    ASSIGN = "values pass through an assignment"
    DISCRETE = "a discrete operation"
    STOPPED = "stop_gradient"
    CUT = "an operation without a gradient"
    UNREGISTERED = "an operation at which the tape itself fails"
    UNWATCHED = "the source was not watched"
    REBOUND = "the name of a variable was bound to a tensor"
    INTEGER = "an integer"
    USED_UP = "the tape was asked before"
    DERIVATIVE = "the first derivative was taken while the tape was not recording"
    UNRELATED = "the target does not depend on the source"
    INDEPENDENT = "the target does not depend on a tensor that is watched"
    CONSTANT = "the target is a constant"
    FROZEN = "the variable is not trainable"


@dataclass(frozen=True, slots=True)
class Unseen:
    """Sources of one call whose gradient is missing for one reason.

    Attributes:
        frame: the user's line to look at.
        op: type of the operation to look at, or None.
        layer: path of the layer it belongs to.
        position: index of that operation, or of the call's backward pass.
        outer: norm of the gradient that gradlint's own tape gives; None when it gives none.
    """

    reason: Reason
    call: GradientCall
    sources: tuple[AskedSource, ...]
    frame: Frame | None
    op: str | None
    layer: str
    position: int
    outer: float | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(source.variable for source in self.sources if source.variable)


@dataclass(frozen=True, slots=True)
class _Place:
    """A reason with its place."""

    reason: Reason
    frame: Frame | None
    op: str | None = None
    layer: str = ""
    position: int = -1

    def is_beside(self, other: _Place) -> bool:
        """Whether another place is the same line for the same reason, and no operation is to blame there."""
        return self.op is None and replace(self, position=other.position) == other


def unseen(flow: Flow, step: StepRecord) -> tuple[Unseen, ...]:
    """What the tapes of a step do not see, by call and reason."""
    given = {
        source.tensor
        for call in step.calls
        for source in call.sources
        if source.gradient.state in (GradientState.FINITE, GradientState.NONFINITE, GradientState.ZERO)
    }
    found: list[Unseen] = []
    for call in step.calls:
        groups: dict[_Place, list[AskedSource]] = {}
        whole = _whole(flow, step, call)
        if whole is not None:
            groups[whole] = list(call.sources)
        elif call.error is None:
            for source in call.sources:
                if source.gradient.state is GradientState.NOT_APPLICABLE:
                    if source.result is None and not source.variable:
                        groups.setdefault(_integer(step, call, source), []).append(source)
                elif source.gradient.state is GradientState.ABSENT and (step.crash or source.tensor not in given):
                    place = _frozen(call, source) or _why(flow, step, call, source)
                    known = next((other for other in groups if other.is_beside(place)), place)
                    groups.setdefault(known, []).append(source)
        for place, sources in groups.items():
            norms = [s.outer.norm for s in sources if s.outer is not None and s.outer.norm is not None]
            position = place.position if place.position >= 0 else call.first
            found.append(
                Unseen(
                    place.reason,
                    call,
                    tuple(sources),
                    place.frame,
                    place.op,
                    place.layer,
                    position,
                    max(norms) if norms else None,
                )
            )
    return tuple(found)


def _frozen(call: GradientCall, source: AskedSource) -> _Place | None:
    """The call, where it asks for a weight that a layer does not train beside others that have a gradient."""
    is_of_layer = "/" in source.variable and not source.is_trainable
    if is_of_layer and any(other.is_trainable and other.gradient.state.rank for other in call.sources):
        return _Place(Reason.FROZEN, call.frames[0] if call.frames else None)
    return None


def _whole(flow: Flow, step: StepRecord, call: GradientCall) -> _Place | None:
    """The reason that concerns a call as a whole."""
    here = call.frames[0] if call.frames else None
    if call.is_used_up:
        return _Place(Reason.USED_UP, here)
    if call.odd_sources and call.error is not None:
        return _Place(Reason.UNWATCHED, here)
    if call.error is not None and (failing := _unregistered(flow, call)) is not None:
        op = flow.op(failing)
        return replace(_at_op(flow, step, call, Reason.UNREGISTERED, failing), op=op.type, layer=op.layer)
    if call.target_kind in (TargetKind.PYTHON, TargetKind.NUMPY):
        before = [e for e in step.evaluations if e.position < call.first]
        if before and not any(frames for frames in step.departures):
            return _predicted(before[-1])
        last = step.departures[-1] if step.departures else ()
        return _Place(Reason.PYTHON, _innermost(last) or here)
    if call.target_kind is TargetKind.INTEGER and call.error is None:
        for target in call.targets:
            for position in flow.producers(target):
                return _at_op(flow, step, call, Reason.DISCRETE, position)
        return _Place(Reason.INTEGER, here)
    return None


def _unregistered(flow: Flow, call: GradientCall) -> int | None:
    """The last operation behind a target that TensorFlow has no gradient function for."""
    behind = flow.ancestors(call.targets)
    found = (
        position
        for position, op in enumerate(flow.recording.ops)
        if Local.UNREGISTERED in op.local and not behind.isdisjoint(op.outputs)
    )
    return max(found, default=None)


def _predicted(evaluation: Evaluation) -> _Place:
    """Where `predict` or the like is called."""
    frame = _innermost(evaluation.frames)
    return _Place(Reason.PREDICT, frame, layer=evaluation.model, position=evaluation.position)


def _integer(step: StepRecord, call: GradientCall, source: AskedSource) -> _Place:
    tape = None if call.tape is None else step.tapes[call.tape]
    for index, _, frames in tape.integers if tape is not None else ():
        if index == source.tensor and frames:
            return _Place(Reason.INTEGER, frames[0])
    return _Place(Reason.INTEGER, call.frames[0] if call.frames else None)


def _why(flow: Flow, step: StepRecord, call: GradientCall, source: AskedSource) -> _Place:
    here = call.frames[0] if call.frames else None
    way = _Way(flow, step, call, source)
    tape = None if call.tape is None else step.tapes[call.tape]
    if not way.is_connected:
        return _Place(_unconnected(flow, step, call, source), here)
    if not way.is_differentiable and not (source.outer is not None and source.outer.state is not GradientState.ABSENT):
        return _cut(flow, step, call, way)
    if tape is None:
        return _Place(Reason.OUTSIDE, here)
    if not _is_watched(tape, source, way):
        rebound = None if source.variable else _rebound(flow, step, call, source)
        return rebound or _Place(Reason.UNWATCHED, here)
    return _not_recorded(flow, step, call, way, tape) or _Place(Reason.UNWATCHED, here)


def _unconnected(flow: Flow, step: StepRecord, call: GradientCall, source: AskedSource) -> Reason:
    """Why no value of a source reaches the target; to watch it would help only where it is another copy of one."""
    behind = flow.ancestors(call.targets, flow.reads)
    if call.targets and not any(flow.tensor(index).dtype == "resource" or index in step.data for index in behind):
        return Reason.CONSTANT
    if source.variable:
        return Reason.UNRELATED
    told = step.tapes[call.tape].watches if call.tape is not None else ()
    return Reason.INDEPENDENT if any(index == source.tensor for index, _ in told) else Reason.UNWATCHED


class _Way:
    """The operations between one source and the target of a call.

    Attributes:
        is_connected: the value of the source reaches the target.
        is_differentiable: and some way hands a gradient back.
        met: positions of the operations on the way that do.
    """

    def __init__(self, flow: Flow, step: StepRecord, call: GradientCall, source: AskedSource) -> None:
        self.flow, self.step, self.call = flow, step, call
        self.starts = _versions(flow, source.tensor)
        self.values = self._met(self.starts, lambda position, operand: True)
        targets = set(call.targets)
        self.is_connected = bool(targets & self.starts) or any(
            targets & set(flow.op(position).outputs) for position in self.values
        )
        self.met = self._met(self.starts, self._passes)
        self.is_differentiable = bool(targets & self.starts) or any(
            targets & set(flow.op(position).outputs) for position in self.met
        )

    def _passes(self, position: int, operand: int) -> bool:
        served = self.step.passes.get(position)
        return served is None or (operand < len(served) and served[operand])

    def _met(self, starts: set[int], passes: Callable[[int, int], bool]) -> list[int]:
        """Positions of operations between the source and the target, in order."""
        flow, last = self.flow, self.call.first
        marked = set(starts)
        met: list[tuple[int, tuple[int, ...]]] = []
        for position, op in enumerate(flow.recording.ops[: max(last, 0)]):
            if has(op.type, Trait.READS_SHAPE) or op.type == INNER_GRADIENT:
                continue
            operands = tuple(
                index
                for operand, index in enumerate(op.inputs)
                if index in marked and flow.reads(position, operand) and passes(position, operand)
            )
            if operands:
                marked.update(op.outputs)
                met.append((position, operands))
        behind = set(self.call.targets)
        found = []
        for position, operands in reversed(met):
            if any(index in behind for index in flow.op(position).outputs):
                behind.update(operands)
                found.append(position)
        return found[::-1]

    def frontier(self) -> int | None:
        """The last operation that takes a value which a gradient would reach, and hands none back."""
        reached = set(self.starts)
        values = set(self.values)
        found = None
        for position in self.values:
            op = self.flow.op(position)
            operands = [n for n, index in enumerate(op.inputs) if index in reached]
            if not operands:
                continue
            if any(self._passes(position, operand) for operand in operands):
                reached.update(op.outputs)
            elif position in values:
                found = position
        return found


def _versions(flow: Flow, tensor: int) -> set[int]:
    """A tensor, and all that the handle of a variable becomes when it is assigned to."""
    found = {tensor}
    for op in flow.recording.ops:
        if has(op.type, Trait.ASSIGNS) and op.inputs and op.inputs[0] in found and op.outputs:
            found.add(op.outputs[-1])
    return found


def _is_watched(tape: TapeRecord, source: AskedSource, way: _Way) -> bool:
    told = [position for index, position in tape.watches if index == source.tensor]
    first = next(iter(way.met), way.call.first)
    if any(position <= first for position in told):
        return True
    return bool(source.variable) and source.is_trainable and tape.watches_accessed


def _rebound(flow: Flow, step: StepRecord, call: GradientCall, source: AskedSource) -> _Place | None:
    """Whether a source is a tensor that was computed from a variable of its shape, under whose name it goes."""
    shape = flow.tensor(source.tensor).shape
    producers = list(flow.producers(source.tensor))
    pending, seen, is_first = [source.tensor], {source.tensor}, True
    while pending:
        for position in flow.producers(pending.pop()):
            op = flow.op(position)
            if op.region is Region.MODEL or has(op.type, Trait.STOPS):
                continue  # What a layer makes of its weights is no update of them.
            if op.type == "ReadVariableOp":
                if is_first:
                    return None  # The value of a variable, asked for as it is.
                frame = _frame_of(flow, step, call, producers[0])
                return _Place(Reason.REBOUND, frame, flow.op(producers[0]).type, position=producers[0])
            for index in op.inputs:
                if index not in seen and flow.tensor(index).shape in (shape, ()):
                    seen.add(index)
                    pending.append(index)
        is_first = False
    return None


def _not_recorded(flow: Flow, step: StepRecord, call: GradientCall, way: _Way, tape: TapeRecord) -> _Place | None:
    """The operation on the way that ran while the tape was not recording, or that it was told to forget."""
    forgotten = [reset for reset in tape.resets if way.met and way.met[0] < reset[0] <= call.first]
    if forgotten:
        position, frames = forgotten[-1]
        return _Place(Reason.RESET, _at(frames, step, call), position=position)
    missed = [position for position in way.met if not tape.records(position)]
    if not missed:
        return None
    opened, closed = tape.spans[0][0], tape.spans[-1][1]
    for position in missed:
        inner = next((c for c in step.calls if c is not call and c.first <= position < c.last), None)
        if inner is not None:
            here = call.frames[0] if call.frames else None
            return _Place(Reason.DERIVATIVE, here, position=call.first)
    before = [position for position in missed if position < opened]
    if before:
        return _too_early(flow, step, call, before)
    after = [position for position in missed if position >= closed]
    between = [position for position in missed if opened <= position < closed]
    return _at_op(flow, step, call, Reason.OUTSIDE, (between or after)[0])


def _too_early(flow: Flow, step: StepRecord, call: GradientCall, before: Sequence[int]) -> _Place:
    """The last call of a model, or else the last operation, that the tape came too late for."""
    position = next((p for p in reversed(before) if flow.op(p).region is Region.MODEL), before[-1])
    return _at_op(flow, step, call, Reason.BEFORE, position)


def computed_before(
    flow: Flow, step: StepRecord, call: GradientCall, sources: tuple[AskedSource, ...], before: Sequence[int]
) -> Unseen:
    """Some sources of a call, with operations that a gradient comes to them by, all of which ran before its tape."""
    place = _too_early(flow, step, call, before)
    return Unseen(Reason.BEFORE, call, sources, place.frame, place.op, place.layer, place.position)


def _cut(flow: Flow, step: StepRecord, call: GradientCall, way: _Way) -> _Place:
    position = way.frontier()
    if position is None:
        return _Place(Reason.CUT, call.frames[0] if call.frames else None)
    reason, op = reason_of(flow, step, position), flow.op(position)
    if reason is Reason.DISCRETE and op.region is Region.MODEL:
        reason = Reason.CUT  # A layer that moves in steps is no discrete loss.
    if reason in (Reason.CUT, Reason.STOPPED) and (frame := _frame_at(op)) is not None:
        return _Place(reason, frame, op.type, op.layer, position)
    return _at_op(flow, step, call, reason, position)


def reason_of(flow: Flow, step: StepRecord, position: int) -> Reason:
    """How an operation keeps a gradient from passing."""
    op = flow.op(position)
    if any(evaluation.position == position for evaluation in step.evaluations):
        return Reason.PREDICT
    if op.type == NUMPY_CONVERSION:
        return Reason.PYTHON
    if has(op.type, Trait.LEAVES):
        return Reason.PYTHON_FUNCTION
    if has(op.type, Trait.ASSIGNS):
        return Reason.ASSIGN
    if has(op.type, Trait.STOPS):
        return Reason.STOPPED
    discrete = not any(is_float(flow.tensor(index).dtype) for index in op.outputs)
    return Reason.DISCRETE if discrete or has(op.type, Trait.STEPS) else Reason.CUT


def _at_op(flow: Flow, step: StepRecord, call: GradientCall, reason: Reason, position: int) -> _Place:
    op = flow.op(position)
    if reason is Reason.PREDICT:
        return _predicted(next(entry for entry in step.evaluations if entry.position == position))
    is_named = reason not in (Reason.BEFORE, Reason.OUTSIDE)
    # An operation to exchange may be in a function that the step calls; what is in the wrong place stands in the step.
    inner = step.frame_at(position) if is_named else None
    frame = inner or _frame_of(flow, step, call, position)
    return _Place(
        reason, frame, op.type if is_named else None, op.layer.split("/")[0] if not is_named else op.layer, position
    )


def _frame_of(flow: Flow, step: StepRecord, call: GradientCall, position: int) -> Frame | None:
    frames = step.frames.get(position, ())
    if not frames:
        return _frame_at(flow.op(position))
    return _at(frames, step, call)


def _frame_at(op: OpRecord) -> Frame | None:
    """The user's line that an operation ran at; nobody knows in which function."""
    from gradlint.record.step_record import Frame

    return None if op.file is None or op.line is None else Frame(op.file, op.line, 0)


def _at(frames: Frames, step: StepRecord, call: GradientCall) -> Frame | None:
    """Of several frames the one in the function that opens the tape, or else the innermost."""
    if not frames:
        return None
    tape = None if call.tape is None else step.tapes[call.tape]
    home = {(frame.file, frame.function) for frame in (tape.frames[:1] if tape is not None else call.frames[:1])}
    return next((frame for frame in frames if (frame.file, frame.function) in home), frames[0])


def _innermost(frames: Frames) -> Frame | None:
    return frames[0] if frames else None


def explained(found: Iterable[Unseen]) -> frozenset[str]:
    """Paths of the variables whose missing gradient has a reason of its own."""
    return frozenset(path for entry in found for path in entry.variables)
