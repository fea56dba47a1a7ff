"""Which gradients a tensor is made of, and which variable the version of a handle is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import INNER_GRADIENT, Trait, has

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.record.step_record import StepRecord

MOST_STEPS = 400
"""How far back the origin of a gradient is looked for."""


def origins(flow: Flow, step: StepRecord, gradient: int) -> frozenset[str]:
    """The variables whose gradients a tensor is made of, element by element.

    A norm over all gradients scales each of them, and is no origin.
    """
    owners = owners_of(step)
    asked = {source.tensor for call in step.calls for source in call.sources}
    shape = flow.tensor(gradient).shape
    found: set[str] = set()
    pending, seen = [gradient], {gradient}
    while pending and len(seen) < MOST_STEPS:
        tensor = pending.pop()
        if tensor in owners:
            found |= owners[tensor]
            continue
        for position in flow.producers(tensor):
            op = flow.op(position)
            if op.type == INNER_GRADIENT:
                continue
            operands: tuple[int, ...] = op.inputs
            # Reads of a handle, and what is added to it, go on with what the variable holds.
            holds = op.type == "ReadVariableOp" or has(op.type, Trait.INCREMENTS)
            if op.type == "ReadVariableOp":  # Gradients may be added up in a variable, which nobody differentiates.
                operands = () if first_version(flow, op.inputs[0]) in asked else op.inputs
            elif has(op.type, Trait.ASSIGNS):
                operands = op.inputs if has(op.type, Trait.INCREMENTS) else op.inputs[1:]
            for index in operands:
                is_of_variable = holds and operands is op.inputs and index in op.inputs[:1]
                if index not in seen and (
                    is_of_variable or flow.tensor(index).shape == shape or has(op.type, Trait.REFORMS)
                ):
                    seen.add(index)
                    pending.append(index)
    return frozenset(found)


def first_version(flow: Flow, handle: int) -> int:
    """The handle of a variable, of one of the versions that assignments make of it."""
    while True:
        makers = [position for position in flow.producers(handle) if has(flow.op(position).type, Trait.ASSIGNS)]
        if not makers:
            return handle
        handle = flow.op(makers[0]).inputs[0]


def owners_of(step: StepRecord) -> dict[int, set[str]]:
    """The variables whose gradient each tensor is."""
    found: dict[int, set[str]] = {}
    for call in step.calls:
        for source in call.sources:
            if source.result is not None:
                found.setdefault(source.result, set()).add(source.variable)
    return found
