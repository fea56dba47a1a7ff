"""Zero frontier: what receives a gradient of zero or next to it, and the operations at which it becomes so."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.record.terms import Local
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.flow import Flow
    from gradlint.record.recording import InputRecord, VariableRecord


def lost(flow: Flow) -> set[tuple[str, str]]:
    """Inputs and variables whose gradient is zero, or passes nowhere but through saturated functions."""
    saturated = set(stopping(flow))
    open_way = flow.ancestors(
        [flow.recording.loss.tensor] if flow.recording.loss.tensor is not None else [],
        lambda op, operand: (
            not has(flow.op(op).type, Trait.SQUASHES) or not (op in saturated or _gets_zeros_alone(flow, op))
        ),
    )

    def is_lost(record: InputRecord | VariableRecord) -> bool:
        state = record.gradient.state
        tiny = state is GradientState.FINITE and record.tensor not in open_way
        return record.tensor is not None and (state is GradientState.ZERO or tiny)

    inputs = {("input", record.key) for record in flow.float_inputs if is_lost(record)}
    return inputs | {("variable", variable.path) for variable in flow.learners if is_lost(variable)}


def _gets_zeros_alone(flow: Flow, position: int) -> bool:
    """Whether only zeros come back to an operation, as in early steps of a recurrence all of whose gates are closed."""
    outputs = flow.op(position).outputs
    return bool(outputs) and all(flow.state(index) is GradientState.ZERO for index in outputs)


def stopping(flow: Flow) -> list[int]:
    """Operations at which a gradient arrives and nothing usable goes on from some operand."""
    found = []
    for position, op in enumerate(flow.recording.ops):
        arriving = [flow.tensor(index).gradient for index in op.outputs]
        sizes = [g.largest for g in arriving if g.state is GradientState.FINITE and g.largest]
        if not sizes:
            continue
        for operand, index in enumerate(op.inputs):
            gradient = flow.tensor(index).gradient
            if gradient.state is GradientState.ZERO and op.local[operand] is not Local.PASSES:
                found.append(position)
                break
            if gradient.state is GradientState.ZERO and cancels(flow, index):
                found.append(position)
                break
            if (op.saturated or 0.0) >= flow.thresholds.saturated_share and gradient.state is GradientState.FINITE:
                found.append(position)
                break
    return found


def cancels(flow: Flow, tensor: int) -> bool:
    """Whether several non-zero gradients meet at a tensor and add up to exactly zero."""
    passing = 0
    for position, operand in flow.consumers[tensor]:
        op = flow.op(position)
        alive = any(flow.state(output) is GradientState.FINITE for output in op.outputs)
        passing += int(alive and op.local[operand] is Local.PASSES)
    return passing > 1


def sources_behind(flow: Flow, positions: Sequence[int], visited: tuple[set[int], set[int]]) -> set[tuple[str, str]]:
    """Inputs and variables from which a zero gradient leads to the operations, through tensors without one.

    Args:
        flow: one run.
        positions: of the operations.
        visited: what earlier calls went through, past zero gradients and past finite ones too; left out here,
            and added to.
    """
    starts = {
        index
        for position in positions
        for index in flow.op(position).inputs
        if flow.state(index) in (GradientState.ZERO, GradientState.FINITE)
    }
    starts = {
        index
        for index in starts
        if flow.state(index) is GradientState.ZERO
        or any(
            has(flow.op(position).type, Trait.SQUASHES)
            for position, _ in flow.consumers[index]
            if position in positions
        )
    }
    # Behind a function that is merely saturated the gradient is tiny, behind the others it is zero.
    usable = {GradientState.ZERO}
    if any((flow.op(position).saturated or 0.0) >= flow.thresholds.saturated_share for position in positions):
        usable.add(GradientState.FINITE)
    past_zero, past_finite = visited
    known = past_finite if GradientState.FINITE in usable else past_zero
    queue = deque(starts - known)
    seen = set(queue)
    while queue:
        tensor = queue.popleft()
        for producer in flow.producers(tensor):
            for index in flow.op(producer).inputs:
                if index not in seen and index not in known and flow.state(index) in usable:
                    seen.add(index)
                    queue.append(index)
    known |= seen
    past_zero |= seen
    found = {("input", r.key) for r in flow.float_inputs if r.tensor in seen}
    return found | {("variable", v.path) for v in flow.learners if v.tensor in seen}
