"""Variables that a step moves so that its loss grows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.provenance import first_version, origins
from gradlint.record.terms import Region

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gradlint.flow import Flow
    from gradlint.record.step_record import Frame, GradientCall, Movement, StepRecord, Update

_LOSSES = re.compile(r"loss|cost|error|mse|(^|_)(nll|bce|ce)($|_)", re.IGNORECASE)
_STEEP = 0.5
"""From this cosine on, variables count as moved along a gradient."""
_ROUNDED = 1e-6
"""A movement by less of the largest weight is what rounding leaves."""


@dataclass(frozen=True, slots=True)
class Uphill:
    """Variables that a step moves up the gradient of what it calls a loss.

    Attributes:
        update: gets the negative gradients; None where the step moves them by hand.
        frame: where they are moved.
        is_left: an optimizer moves them down as well: it is a perturbation that nobody takes back.
        is_unread: it is taken back before anything reads the variables as they are then.
    """

    call: GradientCall
    variables: tuple[str, ...]
    update: Update | None
    frame: Frame | None
    position: int
    is_left: bool = False
    is_unread: bool = False


def uphill(flow: Flow, step: StepRecord) -> tuple[Uphill, ...]:
    """Variables that the step moves so that its loss grows.

    A loss that other variables go down at the same time is that of a game of two sides.
    """
    if step.crash is not None:
        return ()
    found: list[Uphill] = []
    weights = {v.path for v in flow.recording.variables if v.layer}  # An image may be meant to be moved so.
    for call in step.calls:
        if not call.target_text or not _LOSSES.search(call.target_text) or "-" in call.target_text:
            continue
        own = {source.variable for source in call.sources if source.variable in weights}
        rising = [*_rising_by_hand(flow, step, call, own), *_rising_by_optimizers(step, call, own)]
        up = {path for entry in rising for path in entry.variables}
        same = [other for other in step.calls if set(other.targets) & set(call.targets)]
        sides = {source.variable for other in same for source in other.sources if source.variable}
        moving = {movement.variable for movement in step.movements if movement.is_changed} & sides
        if moving <= up:
            found += [entry for entry in rising if all(entry.variables != other.variables for other in found)]
    return (*found, *_perturbed_in_vain(flow, step))


def _perturbed_in_vain(flow: Flow, step: StepRecord) -> Iterator[Uphill]:
    """Weights that are moved along their gradient and back again while nothing reads them."""
    left = {m.variable: m for m in step.movements if m.by_hand is not None}
    for call in step.calls:
        handles = {source.tensor: source.variable for source in call.sources if source.variable in left}
        moved: dict[str, int] = {}
        for position, op in enumerate(flow.recording.ops):
            if (
                position < call.last
                or not has(op.type, Trait.ASSIGNS)
                or op.region is Region.UPDATE
                or not op.inputs[1:]
            ):
                continue
            path = handles.get(first_version(flow, op.inputs[0]))
            if path is None or path not in origins(flow, step, op.inputs[1]):
                continue
            if _is_nothing(left[path]) and _only_moves_on(flow, op.outputs[-1]):
                moved.setdefault(path, position)
        if moved and set(moved) == set(handles.values()):
            position = min(moved.values())
            frame = step.frame_at(position)
            yield Uphill(call, tuple(moved), None, frame, position, is_unread=True)
            return


def _only_moves_on(flow: Flow, version: int) -> bool:
    """Whether all that is made of the value that a variable holds is the next one that it gets by hand."""
    first = first_version(flow, version)
    readers = [position for position, _ in flow.consumers[version]]
    for position in readers:
        op = flow.op(position)
        if op.region is Region.UPDATE:
            return False
        if op.type == "ReadVariableOp":  # `assign_add` of Keras reads the value, and assigns the sum.
            sums = [p for made in op.outputs for p, _ in flow.consumers[made]]
            ends = [flow.op(p) for each in sums for made in flow.op(each).outputs for p, _ in flow.consumers[made]]
            is_moved = bool(ends) and all(has(end.type, Trait.ASSIGNS) for end in ends)
            if not is_moved or any(first_version(flow, end.inputs[0]) != first for end in ends):
                return False
        elif not has(op.type, Trait.INCREMENTS) and op.type != "AssignVariableOp":
            return False
    return bool(readers)


def _is_nothing(movement: Movement) -> bool:
    """Whether the step's own assignments cancel out, but for rounding."""
    return movement.by_hand is not None and movement.by_hand[1] <= 100 * movement.resolution


def _rising_by_hand(flow: Flow, step: StepRecord, call: GradientCall, own: set[str]) -> Iterator[Uphill]:
    """What the step's own assignments move along the gradients of a call."""
    left = {m.variable: m for m in step.movements if m.by_hand is not None and m.is_changed and m.variable in own}
    handles = {source.tensor: source.variable for source in call.sources if source.variable in left}
    moved: dict[str, int] = {}
    for position, op in enumerate(flow.recording.ops):
        if has(op.type, Trait.ASSIGNS) and position >= call.last and op.region is not Region.UPDATE and op.inputs[1:]:
            path = handles.get(first_version(flow, op.inputs[0]))
            if path is not None and path in origins(flow, step, op.inputs[1]):
                moved[path] = position
    parts = [m.by_hand for m in left.values() if m.by_hand is not None and m.variable in moved]
    size = sum(left[path].largest ** 2 for path in moved) ** 0.5
    norm = sum(one**2 for _, one, _ in parts) ** 0.5
    if _cosine(parts) > _STEEP and norm > _ROUNDED * size:
        position = min(moved.values())
        down = {pair.variable for update in step.updates if update.optimizer for pair in update.pairs}
        frame = step.frame_at(position)
        yield Uphill(call, tuple(moved), None, frame, position, is_left=down.issuperset(moved))


def _rising_by_optimizers(step: StepRecord, call: GradientCall, own: set[str]) -> Iterator[Uphill]:
    for update in step.updates:
        pairs = [pair for pair in update.pairs if pair.variable in own and pair.gradient is not None]
        if update.optimizer and update.first >= call.last and pairs:
            if all(pair.along is not None and pair.along < -_STEEP for pair in pairs):
                frame = update.frames[0] if update.frames else None
                yield Uphill(call, tuple(pair.variable for pair in pairs), update, frame, update.first)


def _cosine(parts: Iterable[tuple[float, float, float]]) -> float:
    products, ones, others = zip(*parts, strict=True) if (parts := list(parts)) else ((), (), ())
    norms = (sum(norm**2 for norm in ones) * sum(norm**2 for norm in others)) ** 0.5
    return float(sum(products) / norms) if norms > 0.0 else 0.0
