"""Gradients that an update gets although they were applied before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.provenance import MOST_STEPS, first_version, origins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.record.step_record import Frame, StepRecord, Update


@dataclass(frozen=True, slots=True)
class Repeated:
    """Gradients that an update gets although they were applied before.

    Attributes:
        variables: of the update.
        first: the update that got them before; None where they are of the steps before this one.
        added: where they are added to variables that nothing empties.
    """

    update: Update
    variables: tuple[str, ...]
    first: Update | None
    added: Frame | None = None


def repeated(flow: Flow, step: StepRecord) -> tuple[Repeated, ...]:
    """Updates that get gradients which were applied before, in this step or in one before it."""
    found: list[Repeated] = []
    applied: dict[frozenset[tuple[int | None, str]], Update] = {}
    for update in step.updates:
        pairs = frozenset((pair.gradient, pair.variable) for pair in update.pairs if pair.gradient is not None)
        if not update.optimizer or update.error is not None or not pairs:
            continue
        paths = tuple(pair.variable for pair in update.pairs if pair.gradient is not None)
        if pairs in applied:
            found.append(Repeated(update, paths, applied[pairs]))
        applied.setdefault(pairs, update)
        places = [
            _never_emptied(flow, step, pair.gradient, update) for pair in update.pairs if pair.gradient is not None
        ]
        kept = [place for place in places if place is not None]
        if kept and len(kept) == len(places) and not update.has_reset:
            found.append(Repeated(update, paths, None, step.frame_at(kept[0])))
    return tuple(found)


def _never_emptied(flow: Flow, step: StepRecord, gradient: int, update: Update) -> int | None:
    """Where a gradient is added to a variable that an update gets, and that keeps it for the steps that follow."""
    asked = {source.tensor for call in step.calls for source in call.sources}
    for handle in _handles_behind(flow, gradient):
        first = first_version(flow, handle)
        added: int | None = None
        while handle != first:
            position = next(iter(flow.producers(handle)))
            op = flow.op(position)
            if not _adds(flow, step, position):
                break
            added, handle = position, op.inputs[0]
        else:
            later = range(update.last, len(flow.recording.ops))
            is_emptied = any(
                has(flow.op(p).type, Trait.ASSIGNS) and first_version(flow, flow.op(p).inputs[0]) == first
                for p in later
            )
            if added is not None and first not in asked and not is_emptied:
                return added
    return None


def _handles_behind(flow: Flow, tensor: int) -> Iterator[int]:
    """Versions of variables that a tensor is a multiple of."""
    shape = flow.tensor(tensor).shape
    pending, seen = [tensor], {tensor}
    while pending and len(seen) < MOST_STEPS:
        for position in flow.producers(pending.pop()):
            op = flow.op(position)
            if op.type == "ReadVariableOp":
                yield op.inputs[0]
            elif has(op.type, Trait.SCALES):
                fitting = [index for index in op.inputs if flow.tensor(index).shape == shape and index not in seen]
                if len(fitting) == 1:
                    seen.update(fitting)
                    pending += fitting


def _adds(flow: Flow, step: StepRecord, position: int) -> bool:
    """Whether an assignment adds a gradient to what the variable holds, as it is."""
    op = flow.op(position)
    if op.type == "AssignAddVariableOp":
        return bool(origins(flow, step, op.inputs[1]))
    if op.type != "AssignVariableOp":
        return False
    for maker in flow.producers(op.inputs[1]):
        terms = flow.op(maker).inputs if has(flow.op(maker).type, Trait.ADDS) else ()
        reads = [i for i in terms for p in flow.producers(i) if flow.op(p).type == "ReadVariableOp"]
        if any(op.inputs[0] in flow.op(p).inputs for i in reads for p in flow.producers(i)):
            return any(origins(flow, step, i) for i in terms if i not in reads)
    return False
