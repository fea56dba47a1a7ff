"""Omissions: what the model's own `train_step` does not train, and what it may use where it did not run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.passes.twins import are_copies
from gradlint.record.terms import Omission

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradlint.flow import Flow
    from gradlint.passes.drops import Drop
    from gradlint.record.recording import LeftOut, VariableRecord


@dataclass(frozen=True, slots=True)
class Omitted:
    """Variables of one part of the model that a `train_step` leaves out, all in the same way.

    Attributes:
        left_out: how, and at which line.
        layer: path of the part of the model that they belong to.
        position: the first operation that reads one of them, or -1.
        are_copies: each has the values of a variable that learns, as in a target network.
        compares: the part runs on what the learning variables make and on something else, as the network of a
            perceptual loss does.
    """

    left_out: LeftOut
    layer: str
    variables: tuple[VariableRecord, ...]
    position: int
    are_copies: bool
    compares: bool

    @property
    def is_hidden(self) -> bool:
        """Nobody asks for what an object keeps from Keras, which would list it else."""
        is_meant = self.are_copies or self.compares or self.left_out.in_turns
        hides = self.left_out.omission is Omission.UNASKED and all(v.hidden is not None for v in self.variables)
        return hides and not is_meant


def omitted(flow: Flow) -> tuple[Omitted, ...]:
    """What a `train_step` should train and does not; each part of the model may have a reason of its own."""
    is_named = len({variable.layer.split("/")[0] for variable in flow.recording.variables}) == 1
    groups: dict[tuple[LeftOut, str], list[VariableRecord]] = {}
    for variable in flow.recording.variables:
        if variable.left_out is not None and variable.left_out.omission is not Omission.RESTING:
            part = "/".join(variable.layer.split("/")[: 1 + is_named])  # After the name of the model itself.
            groups.setdefault((variable.left_out, part), []).append(variable)
    learned = flow.descendants(
        (v.tensor for v in flow.learners if v.tensor is not None), lambda op, operand: not flow.op(op).is_backward
    )
    found = []
    for (left_out, part), variables in groups.items():
        reads = [position for v in variables if v.tensor is not None for position, _ in flow.consumers[v.tensor]]
        copies = are_copies(flow, variables)
        compares = any(_compares(flow, variable, learned) for variable in variables)
        found.append(Omitted(left_out, part, tuple(variables), min(reads, default=-1), copies, compares))
    return tuple(sorted(found, key=lambda omitted: omitted.position))


def _compares(flow: Flow, variable: VariableRecord, learned: frozenset[int]) -> bool:
    """Whether a variable meets values that depend on the learning ones and, elsewhere, values that do not."""
    if variable.tensor is None:
        return False
    meets = set()
    for read, _ in flow.consumers[variable.tensor]:
        for value in flow.op(read).outputs:
            for position, _ in flow.consumers[value]:
                if flow.op(position).is_backward:
                    continue
                others = [index for index in flow.op(position).inputs if index != value and flow.tensor(index).is_float]
                if others:
                    meets.add(any(index in learned for index in others))
    return len(meets) == 2


def excused(flow: Flow, drops: Iterable[Drop]) -> tuple[Drop, ...]:
    """Drops, all of them by design where a method of the model did not run that may use what is lost."""
    unseen = flow.recording.loss.unseen
    if not unseen:
        return tuple(drops)
    reason = f"unless in {unseen}"
    return tuple(drop if drop.is_by_design else replace(drop, is_by_design=True, reason=reason) for drop in drops)
