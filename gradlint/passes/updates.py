"""What becomes of the gradients of a step: who gets them, and whether anything moves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.operations import INNER_GRADIENT, Trait, has
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.record.step_record import Frame, GradientCall, Movement, StepRecord, Update

_MOST_STEPS = 400
"""How far back the origin of a gradient is looked for."""

_PRESENT = (GradientState.FINITE, GradientState.NONFINITE, GradientState.ZERO)


@dataclass(frozen=True, slots=True)
class Mispaired:
    """Gradients that are applied to other variables than they belong to.

    Attributes:
        pairs: (variable that the gradient belongs to, variable that gets it).
    """

    update: Update
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Unused:
    """Variables whose gradient was computed and goes nowhere.

    Attributes:
        whole: none of the call's gradients is used.
        update: the update that leaves them out, if there is one.
    """

    call: GradientCall
    variables: tuple[str, ...]
    whole: bool
    update: Update | None


@dataclass(frozen=True, slots=True)
class Discarded:
    """What was made of the gradients of an update, element by element, and which nobody gets: it gets those before.

    Attributes:
        position: of the last operation that made it.
        variables: of the update.
    """

    update: Update
    position: int
    variables: tuple[str, ...]


class Rest(str, Enum):
    """Why a variable did not move although a gradient came."""

    NO_RATE = "learning rate 0"
    ZEROED = "the optimizer gets zeros"
    ROUNDED = "rounded away"
    PASSED_OVER = "no update gets the gradient"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Unmoved:
    """Variables beside one update, or of it, that have the values of before, although a gradient came."""

    update: Update
    why: Rest
    variables: tuple[str, ...]
    largest: float
    movements: tuple[Movement, ...] = ()


@dataclass(frozen=True, slots=True)
class Hidden:
    """Missing gradients that are filtered out, or turned into zeros, before the optimizer could complain."""

    call: GradientCall
    variables: tuple[str, ...]
    frame: Frame | None


def origins(flow: Flow, step: StepRecord, gradient: int) -> frozenset[str]:
    """The variables whose gradients a tensor is made of, element by element.

    A norm over all gradients scales each of them, and is no origin.
    """
    owners = _owners(step)
    shape = flow.tensor(gradient).shape
    found: set[str] = set()
    pending, seen = [gradient], {gradient}
    while pending and len(seen) < _MOST_STEPS:
        tensor = pending.pop()
        if tensor in owners:
            found |= owners[tensor]
            continue
        for position in flow.producers(tensor):
            op = flow.op(position)
            if op.type == INNER_GRADIENT:
                continue
            for index in op.inputs:
                if index not in seen and (flow.tensor(index).shape == shape or has(op.type, Trait.REFORMS)):
                    seen.add(index)
                    pending.append(index)
    return frozenset(found)


def _owners(step: StepRecord) -> dict[int, set[str]]:
    """The variables whose gradient each tensor is."""
    found: dict[int, set[str]] = {}
    for call in step.calls:
        for source in call.sources:
            if source.result is not None:
                found.setdefault(source.result, set()).add(source.variable)
    return found


def mispaired(flow: Flow, step: StepRecord) -> tuple[Mispaired, ...]:
    """Updates that give gradients to variables they do not belong to."""
    found = [Mispaired(update, wrong) for update in step.updates if (wrong := _wrong_pairs(flow, step, update))]
    if not found:
        return ()
    shapes = {v.path: v.shape for v in flow.recording.variables}
    gradients = (p.gradient for u in step.updates if u.optimizer for p in u.pairs if p.gradient is not None)
    applied = frozenset[str]().union(*(origins(flow, step, gradient) for gradient in gradients))
    read = _read_together(flow, step)
    return tuple(entry for entry in found if not _is_copying(entry, shapes, applied, read))


def _wrong_pairs(flow: Flow, step: StepRecord, update: Update) -> tuple[tuple[str, str], ...]:
    wrong = []
    for pair in update.pairs:
        of = origins(flow, step, pair.gradient) if pair.gradient is not None else frozenset()
        # A gradient with respect to a tensor may be one of fast weights, a copy of the variable.
        if of and pair.variable not in of and "" not in of:
            wrong.append((min(of), pair.variable))
    return tuple(wrong)


def _read_together(flow: Flow, step: StepRecord) -> frozenset[tuple[str, str]]:
    """Pairs of variables that one target reads, the first of which the step gives no value."""
    assigned = {i for op in flow.recording.ops if has(op.type, Trait.ASSIGNS) for i in op.inputs[:1]}
    own = {v.path for v in flow.recording.variables if v.tensor in assigned}
    found: set[tuple[str, str]] = set()
    for call in step.calls:
        behind = flow.ancestors(call.targets)
        read = {v.path for v in flow.recording.variables if v.tensor in behind}
        found |= {(s.variable, path) for s in call.sources if s.variable and s.variable not in own for path in read}
    return frozenset(found)


def _is_copying(
    entry: Mispaired, shapes: dict[str, tuple[int, ...]], applied: frozenset[str], read: frozenset[tuple[str, str]]
) -> bool:
    """Whether the gradients of one model go to another of the same form, as with workers or in meta-learning.

    Where the gradients of that other one are applied as well, to it or to anything else, they were mixed up; so they
    were where one loss reads both, as that of a student reads the teacher, and nothing copies the one to the other.
    """
    wrong = entry.pairs
    if read.issuperset(wrong):
        return False
    if len(wrong) != len(entry.update.pairs) or applied & {other for _, other in wrong}:
        return False
    if any(shapes.get(one) != shapes.get(other) for one, other in wrong):
        return False
    return all(one.rpartition("/")[2] == other.rpartition("/")[2] for one, other in wrong)


def unused(flow: Flow, step: StepRecord) -> tuple[Unused, ...]:
    """Gradients of variables that no optimizer, assignment, loss, object or caller gets."""
    if step.crash is not None:
        return ()
    targets = {target for call in step.calls for target in call.targets}
    applied = {pair.gradient for update in step.updates for pair in update.pairs}
    moved = {pair.variable for update in step.updates for pair in update.pairs if pair.gradient is not None}
    found = []
    for call in step.calls:
        asked = [s for s in call.sources if s.variable and s.result is not None and s.gradient.state in _PRESENT]
        idle = [
            s.variable
            for s in asked
            if s.result is not None and s.result not in applied and not _is_used(flow, step, s.result, targets)
            # Beside the gradients that move a variable, those of a part of the loss may be there to be measured.
            if s.variable not in moved or flow.descendants([s.result]).isdisjoint(step.returned)
        ]
        if idle:
            after = [u for u in step.updates if u.first >= call.last and _feeds(flow, step, call, u)]
            found.append(Unused(call, tuple(idle), len(idle) == len(asked), after[0] if after else None))
    return tuple(found)


def discarded(flow: Flow, step: StepRecord) -> tuple[Discarded, ...]:
    """Updates that get the gradients as the tape gives them although each was made into another: clipped, say.

    A number that is made beside them and goes on, as the norm by which they would be clipped, is what they were for.
    """
    results = {source.result for call in step.calls for source in call.sources}
    found = []
    for update in step.updates:
        gradients = [pair.gradient for pair in update.pairs if pair.gradient is not None]
        if not update.optimizer or not gradients or not results.issuperset(gradients):
            continue
        ends = [_dead_end(flow, gradient, update.first) for gradient in gradients]
        made = flow.descendants(output for end in ends if end is not None for output in flow.op(end).outputs)
        beside = (flow.descendants(gradients) & flow.ancestors(made)) - set(gradients)
        gone = step.taken.union(step.returned, step.kept)
        if None in ends or beside & gone or any(_goes_elsewhere(flow, tensor, made) for tensor in beside - made):
            continue
        variables = tuple(pair.variable for pair in update.pairs if pair.gradient is not None)
        found.append(Discarded(update, max(end for end in ends if end is not None), variables))
    return tuple(found)


def _dead_end(flow: Flow, gradient: int, before: int) -> int | None:
    """The last operation that makes another tensor of a gradient, in its shape, which nothing reads."""
    shape = flow.tensor(gradient).shape
    pending: list[tuple[int, int | None]] = [(gradient, None)]
    seen = {gradient}
    while pending and len(seen) < _MOST_STEPS:
        tensor, maker = pending.pop()
        if maker is not None and not flow.consumers[tensor]:
            return maker
        for position, _ in flow.consumers[tensor]:
            op = flow.op(position)
            made = maker if has(op.type, Trait.KEEPS_VALUES) else position
            same = [index for index in op.outputs if flow.tensor(index).shape == shape and index not in seen]
            if position < before:
                seen.update(same)
                pending += [(index, made) for index in same]
    return None


def _goes_elsewhere(flow: Flow, tensor: int, made: frozenset[int]) -> bool:
    """Whether something that leads to none of some tensors reads another."""
    return any(made.isdisjoint(flow.descendants(flow.op(position).outputs)) for position, _ in flow.consumers[tensor])


def _feeds(flow: Flow, step: StepRecord, call: GradientCall, update: Update) -> bool:
    own = {source.variable for source in call.sources}
    return any(pair.gradient is not None and origins(flow, step, pair.gradient) & own for pair in update.pairs)


def _is_used(flow: Flow, step: StepRecord, gradient: int, targets: set[int]) -> bool:
    """Whether a gradient goes on as a whole; its norm alone is a number for a log."""
    is_number = len(flow.tensor(gradient).shape) == 0
    returned = set(step.returned)
    pending, seen = [gradient], {gradient}
    while pending:
        tensor = pending.pop()
        if tensor in targets or tensor in returned or tensor in step.kept:
            return True
        for position, _ in flow.consumers[tensor]:
            op = flow.op(position)
            if has(op.type, Trait.ASSIGNS) or has(op.type, Trait.LEAVES):
                return True
            for index in op.outputs:
                if index in targets:
                    return True  # Also the norm of a gradient may be a part of a loss.
                if index not in seen and op.type != INNER_GRADIENT:
                    seen.add(index)
                    if is_number or len(flow.tensor(index).shape) > 0 or _steers(flow, index, targets):
                        pending.append(index)
    return False


def _steers(flow: Flow, number: int, targets: set[int]) -> bool:
    """Whether a number that is made of a gradient is a part of a loss, or of what a loss reads at the next step."""
    reached, read = flow.descendants([number]), flow.ancestors(targets)
    assigned = ((op.inputs[0], op.inputs[1:]) for op in flow.recording.ops if has(op.type, Trait.ASSIGNS) and op.inputs)
    return bool(reached & targets) or any(
        handle in read and not reached.isdisjoint(values) for handle, values in assigned
    )


def unmoved(step: StepRecord) -> tuple[Unmoved, ...]:
    """Variables that an optimizer got a gradient for, and did not change."""
    gradients = {s.variable: s.gradient for call in step.calls for s in call.sources if s.variable}
    by_path = {movement.variable: movement for movement in step.movements}
    found: dict[object, Unmoved] = {}
    for update in step.updates:
        if update.accumulates or update.error is not None:
            continue
        pairs = [p for p in update.pairs if p.gradient is not None]
        states = [gradients[p.variable].state for p in pairs if p.variable in gradients]
        if GradientState.NONFINITE in states:
            continue
        resting = [
            p
            for p in pairs
            if p.variable in by_path
            and not by_path[p.variable].is_changed
            and p.variable in gradients
            and gradients[p.variable].state is GradientState.FINITE
        ]
        if not resting:
            continue
        still = [by_path[p.variable] for p in resting]
        largest = max(gradients[m.variable].largest or 0.0 for m in still)
        rate = update.learning_rate
        if rate == 0.0:
            why = Rest.NO_RATE
        elif all(p.is_zero for p in resting):
            why = Rest.ZEROED
        elif any(m.dtype in ("float16", "bfloat16") for m in still):
            why = Rest.ROUNDED
        else:
            why = Rest.UNKNOWN
        # A loop comes by the same line again.
        paths = tuple(movement.variable for movement in still)
        found.setdefault((update.frames[:1], why, paths), Unmoved(update, why, paths, largest, tuple(still)))
    return (*found.values(), *_passed_over(step))


def _passed_over(step: StepRecord) -> Iterator[Unmoved]:
    """Variables that no update gets, while one gets others that the same call of a tape was asked for."""
    moved = {pair.variable for update in step.updates for pair in update.pairs}
    moved |= {movement.variable for movement in step.movements if movement.is_changed}
    for call in step.calls:
        asked = [s for s in call.sources if s.variable and s.gradient.state is GradientState.FINITE]
        over = [s for s in asked if s.variable not in moved and s.result not in step.returned]
        own = {source.variable for source in asked} - {source.variable for source in over}
        updates = [u for u in step.updates if u.optimizer and own & {pair.variable for pair in u.pairs}]
        if over and updates:
            largest = max(source.gradient.largest or 0.0 for source in over)
            yield Unmoved(updates[-1], Rest.PASSED_OVER, tuple(source.variable for source in over), largest)


def hidden(flow: Flow, step: StepRecord) -> tuple[Hidden, ...]:
    """Missing gradients of variables that the update leaves out, or gets zeros for."""
    if step.crash is not None:
        return ()
    given = {s.variable for call in step.calls for s in call.sources if s.gradient.state in _PRESENT}
    found = []
    for call in step.calls:
        missing = [
            s.variable
            for s in call.sources
            if s.variable and s.gradient.state is GradientState.ABSENT and s.variable not in given
        ]
        if not missing:
            continue
        updates = [update for update in step.updates if _feeds(flow, step, call, update)]
        if not updates:
            continue
        handed = {pair.variable for update in updates for pair in update.pairs if pair.gradient is None}
        dropped = missing if call.fills_zeros else [path for path in missing if path not in handed]
        if dropped:
            frame = _filtering(flow, step, call) or (updates[0].frames[0] if updates[0].frames else None)
            if call.fills_zeros and call.frames:
                frame = call.frames[0]
            found.append(Hidden(call, tuple(dropped), frame))
    return tuple(found)


def _filtering(flow: Flow, step: StepRecord, call: GradientCall) -> Frame | None:
    """The line that takes the gradients of a call up first."""
    for source in call.sources:
        for position, _ in flow.consumers[source.result] if source.result is not None else ():
            frames = step.frames.get(position, ())
            if position >= call.last and frames and flow.op(position).type != INNER_GRADIENT:
                return frames[0]
    return None
