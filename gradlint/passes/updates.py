"""What becomes of the gradients of a step: who gets them, and whether anything moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.operations import INNER_GRADIENT, Trait, has
from gradlint.passes.provenance import MOST_STEPS, first_version, origins
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.flow import Flow
    from gradlint.record.step_record import Frame, GradientCall, Movement, StepRecord, Update

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
    GIVEN = "gets the values that it has"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Unmoved:
    """Variables beside one update, or of it, that have the values of before, although a gradient came."""

    update: Update
    why: Rest
    variables: tuple[str, ...]
    largest: float
    movements: tuple[Movement, ...] = ()
    restored: Frame | None = None
    """Where the step gives them the values of before."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """Missing gradients that are filtered out, or turned into zeros, before the optimizer could complain."""

    call: GradientCall
    variables: tuple[str, ...]
    frame: Frame | None


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
    The norm of the clipped ones is not: it is that of gradients which nobody gets.
    """
    results = {source.result for call in step.calls for source in call.sources}
    found = []
    for update in step.updates:
        gradients = [pair.gradient for pair in update.pairs if pair.gradient is not None]
        if not update.optimizer or not gradients or not results.issuperset(gradients):
            continue
        own = flow.descendants(gradients)
        ends = [_dead_end(flow, gradient, update.first, own) for gradient in gradients]
        made = flow.descendants(output for end in ends if end is not None for output in flow.op(end).outputs)
        beside = (own & flow.ancestors(made)) - made - set(gradients)
        gone = step.taken.union(step.returned, step.kept)
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            continue
        is_for_a_number = beside & gone or any(_goes_elsewhere(flow, tensor, made) for tensor in beside)
        if is_for_a_number and not _is_named(step, max(known)):
            continue
        variables = tuple(pair.variable for pair in update.pairs if pair.gradient is not None)
        found.append(Discarded(update, max(known), variables))
    return tuple(found)


def _is_named(step: StepRecord, position: int) -> bool:
    """Whether the step gives what an operation makes a name, `clipped, norm = ...`, and does not read it."""
    from gradlint.record import call_text

    frames = step.frames.get(position, ())
    return bool(frames) and bool(call_text.unread_part(frames[0]))


def _dead_end(flow: Flow, gradient: int, before: int, own: frozenset[int]) -> int | None:
    """The last operation that makes another tensor of a gradient, in its shape, which nothing reads but its norm.

    Args:
        flow: of the step.
        gradient: as the tape gives it.
        before: position of the update.
        own: what is made of all gradients of the update.
    """
    shape = flow.tensor(gradient).shape
    pending: list[tuple[int, int | None]] = [(gradient, None)]
    seen = {gradient}
    while pending and len(seen) < MOST_STEPS:
        tensor, maker = pending.pop()
        if maker is not None:
            if not flow.consumers[tensor] or (_clips(flow, maker, own) and _is_only_measured(flow, tensor)):
                return maker
        for position, _ in flow.consumers[tensor]:
            op = flow.op(position)
            made = maker if has(op.type, Trait.KEEPS_VALUES) else position
            same = [index for index in op.outputs if flow.tensor(index).shape == shape and index not in seen]
            if position < before:
                seen.update(same)
                pending += [(index, made) for index in same]
    return None


def _clips(flow: Flow, position: int, own: frozenset[int]) -> bool:
    """Whether an operation bounds gradients, or scales them by a number that is made of them."""
    op = flow.op(position)
    if has(op.type, Trait.BOUNDS) or has(op.type, Trait.CLIPS):
        return True
    if not has(op.type, Trait.SCALES) or len(op.inputs) != 2 or not own.issuperset(op.inputs):
        return False
    sizes = sorted(math.prod(flow.tensor(index).shape) for index in op.inputs)
    return op.inputs[0] != op.inputs[1] and sizes[0] == 1


def _is_only_measured(flow: Flow, tensor: int) -> bool:
    """Whether all that is made of a tensor are numbers of its own, such as its norm."""
    pending, seen = [tensor], {tensor}
    while pending:
        for position, _ in flow.consumers[pending.pop()]:
            op = flow.op(position)
            if has(op.type, Trait.ASSIGNS) or has(op.type, Trait.LEAVES) or op.type == INNER_GRADIENT:
                return False
            # Another tensor beside it is what it is compared to.
            if any(index not in seen and len(flow.tensor(index).shape) > 1 for index in op.inputs):
                return False
            for index in op.outputs:
                if len(flow.tensor(index).shape) > 0 and index not in seen:
                    seen.add(index)
                    pending.append(index)
    return True


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
            if has(op.type, Trait.LEAVES):
                return True
            if has(op.type, Trait.ASSIGNS):
                if not _is_overwritten(flow, op.outputs):
                    return True
                continue
            for index in op.outputs:
                if index in targets:
                    return True  # Also the norm of a gradient may be a part of a loss.
                if index not in seen and op.type != INNER_GRADIENT:
                    seen.add(index)
                    if is_number or len(flow.tensor(index).shape) > 0 or _steers(flow, index, targets):
                        pending.append(index)
    return False


def _is_overwritten(flow: Flow, versions: Sequence[int]) -> bool:
    """Whether nobody reads what was assigned before the next value comes."""
    readers = [flow.op(position) for version in versions for position, _ in flow.consumers[version]]
    return bool(readers) and all(op.type == "AssignVariableOp" for op in readers)


def _steers(flow: Flow, number: int, targets: set[int]) -> bool:
    """Whether a number that is made of a gradient is a part of a loss, or of what a loss reads at the next step."""
    reached, read = flow.descendants([number]), flow.ancestors(targets)
    assigned = ((op.inputs[0], op.inputs[1:]) for op in flow.recording.ops if has(op.type, Trait.ASSIGNS) and op.inputs)
    return bool(reached & targets) or any(
        handle in read and not reached.isdisjoint(values) for handle, values in assigned
    )


def unmoved(flow: Flow, step: StepRecord) -> tuple[Unmoved, ...]:
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
        restored = _restoring(flow, step, update, {p.tensor for p in resting}) if why is Rest.UNKNOWN else None
        entry = Unmoved(update, why, paths, largest, tuple(still), restored)
        found.setdefault((update.frames[:1], why, paths), entry)
    return (*found.values(), *_passed_over(step), *_given_the_same(flow, step))


def _given_the_same(flow: Flow, step: StepRecord) -> Iterator[Unmoved]:
    """What should learn by what another model has learnt, and gets by hand the values that it has."""
    asked = {source.variable for call in step.calls for source in call.sources}
    kept = [m for m in step.movements if m.is_kept and m.variable not in asked]
    updates = [u for u in step.updates if u.optimizer and u.pairs and u.error is None]
    moved = {movement.variable for movement in step.movements if movement.is_changed and not movement.is_kept}
    updates = [u for u in updates if moved.issuperset(pair.variable for pair in u.pairs)]
    handles = {
        v.tensor for v in flow.recording.variables if v.path in {m.variable for m in kept} and v.tensor is not None
    }
    if kept and updates:
        restored = _restoring(flow, step, updates[-1], handles)
        if restored is not None:
            paths = tuple(movement.variable for movement in kept)
            yield Unmoved(updates[-1], Rest.GIVEN, paths, 0.0, tuple(kept), restored)


def _restoring(flow: Flow, step: StepRecord, update: Update, handles: set[int]) -> Frame | None:
    """The last line behind an update that assigns to all of some variables."""
    for position in range(len(flow.recording.ops) - 1, update.last - 1, -1):
        op = flow.op(position)
        if has(op.type, Trait.ASSIGNS) and first_version(flow, op.inputs[0]) in handles:
            return step.frame_at(position)
    return None


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
