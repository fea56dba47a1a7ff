"""Operations that take a part of their operand and leave another."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.result import GradientState

if TYPE_CHECKING:
    from gradlint.flow import Flow


def leaves_out(flow: Flow, position: int) -> bool:
    """Whether an operation takes a part of its operand and leaves another: a slice, a split with a part that rests."""
    op = flow.op(position)
    read = [index in flow.behind_loss for index in op.outputs]
    return has(op.type, Trait.SLICES) and any(read) and not (len(read) > 1 and all(read))


def slicer_after_joining(flow: Flow, position: int) -> int | None:
    """The first operation that leaves out a part of what an operation joined, before anything mixes its parts."""
    joiner = flow.op(position)
    if not has(joiner.type, Trait.JOINS) or not any(
        flow.state(index) is GradientState.FINITE for index in joiner.outputs
    ):
        return None
    if not any(flow.state(index) is GradientState.ZERO for index in joiner.inputs):
        return None
    seen, queue = set(flow.op(position).outputs), deque(flow.op(position).outputs)
    while queue:
        for consumer, _ in flow.consumers[queue.popleft()]:
            op = flow.op(consumer)
            if leaves_out(flow, consumer):
                return consumer
            if has(op.type, Trait.ELEMENT_BY_ELEMENT) or not has(op.type, Trait.MULTIPLIES):
                fresh = [index for index in op.outputs if index not in seen]
                seen.update(fresh)
                queue.extend(fresh)
    return None
