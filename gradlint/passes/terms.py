"""Terms of a loss that have no gradient: added to others that have one, they change the number and train nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import CUSTOM_GRADIENT, INNER_GRADIENT, Trait, has
from gradlint.passes.cuts import Cut, culprit_of, cut_of, primary
from gradlint.passes.unseen import Unseen, computed_before

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from gradlint.flow import Flow
    from gradlint.record.step_record import StepRecord


@dataclass(frozen=True, slots=True)
class _Term:
    """What reaches a loss by sums alone, and hands no gradient on.

    Attributes:
        inside: the tensors of which it is made, back to those that a gradient would reach.
        culprits: positions of the operations that keep it.
    """

    inside: frozenset[int]
    culprits: frozenset[int]


def idle_terms(flow: Flow) -> Iterator[Cut]:
    """The operations that cut a whole term of a loss off from all that learns, while other terms are learnt from.

    A sum hands its gradient to each of its terms alike: one whose values reach the loss by sums alone, and that depends
    on what learns and hands nothing on to it, is a constant to the optimizer. A factor, a threshold or a target without
    gradient is mostly meant, and so is what `stop_gradient` makes; those pass, and so does a value with another use.
    """
    loss = flow.recording.loss.tensor
    weights = {variable.tensor for variable in flow.learners if variable.tensor is not None}
    for term in _terms(flow, loss, weights, lambda position, operand: culprit_of(flow, position, operand)):
        if not any(_is_meant(flow, position) for position in term.culprits):
            reached = flow.ancestors(index for position in term.culprits for index in flow.op(position).inputs)
            lost = [variable for variable in flow.learners if variable.tensor in reached]
            yield cut_of(flow, primary(flow, term.culprits, [term.culprits]), term.culprits, (), (), lost)


def terms_before(flow: Flow, step: StepRecord) -> Iterator[Unseen]:
    """Whole terms of what a tape is asked about that were computed before it was opened."""
    for call in step.calls:
        tape = step.tapes[call.tape] if call.tape is not None else None
        if tape is None or not tape.spans or len(call.targets) != 1 or call.error is not None:
            continue
        opened = tape.spans[0][0]

        def unseen(position: int, operand: int, opened: int = opened) -> int | None:
            return position if position < opened else culprit_of(flow, position, operand)

        sources = {source.tensor: source for source in call.sources if source.variable}
        for term in _terms(flow, call.targets[0], set(sources), unseen):
            early = [position for position in term.culprits if position < opened]
            if early and not any(_is_meant(flow, position) for position in term.culprits - set(early)):
                made = sorted(p for tensor in term.inside for p in flow.producers(tensor) if p < opened)
                reached = flow.ancestors(term.inside)
                lost = tuple(source for tensor, source in sources.items() if tensor in reached)
                yield computed_before(flow, step, call, lost, made)


def _terms(
    flow: Flow, loss: int | None, weights: Collection[int], culprit: Callable[[int, int], int | None]
) -> Iterator[_Term]:
    """The terms of a loss that depend on some variables and hand no gradient on to them.

    Args:
        flow: one run.
        loss: what is differentiated.
        weights: the handles of the variables.
        culprit: the operation that keeps a gradient from passing from an operation to one of its operands, if any.
    """
    learning = flow.descendants(weights)
    live = flow.descendants(weights, lambda position, operand: culprit(position, operand) is None)
    dead = learning - live
    if not dead or loss is None or loss not in live:
        return  # All is learnt from; or nothing at all, which is told of the variables.
    behind = flow.ancestors([loss])
    enters = {pair for tensor in _by_sums(flow, loss, learning) & live for pair in _summands(flow, tensor, learning)}
    ends = {flow.op(position).inputs[operand] for position, operand in enters} & dead
    idle = flow.ancestors(ends) & dead

    def has_other_use(tensor: int) -> bool:
        used = [pair for pair in flow.consumers[tensor] if behind.intersection(flow.op(pair[0]).outputs)]
        return any(pair not in enters and not idle.issuperset(flow.op(pair[0]).outputs) for pair in used)

    for end in sorted(ends):
        inside = flow.ancestors([end]) & idle
        culprits = frozenset(
            found
            for tensor in inside
            for position in flow.producers(tensor)
            for operand, source in enumerate(flow.op(position).inputs)
            if source in live and (found := culprit(position, operand)) is not None
        )
        if culprits and not any(map(has_other_use, inside)):
            yield _Term(inside, culprits)


def _by_sums(flow: Flow, loss: int, learning: frozenset[int]) -> frozenset[int]:
    """The tensors that reach the loss by sums alone."""
    found, queue = {loss}, [loss]
    while queue:
        for position, operand in _summands(flow, queue.pop(), learning):
            term = flow.op(position).inputs[operand]
            if term not in found:
                found.add(term)
                queue.append(term)
    return frozenset(found)


def _summands(flow: Flow, tensor: int, learning: frozenset[int]) -> Iterator[tuple[int, int]]:
    """The operands, with their operation, that what makes a tensor adds up."""
    for position in flow.producers(tensor):
        op = flow.op(position)
        for operand in range(len(op.inputs)):
            is_scaled = learning.isdisjoint({*op.inputs[:operand], *op.inputs[operand + 1 :]})
            in_first = has(op.type, Trait.LINEAR) or (is_scaled and has(op.type, Trait.DIVIDES))
            in_one = is_scaled and has(op.type, Trait.LINEAR_IN_ONE)
            if has(op.type, Trait.SUMS) or in_one or (in_first and operand == 0):
                yield position, operand


def _is_meant(flow: Flow, position: int) -> bool:
    """Whether an operation is written to hand nothing on, or what it hands on is told elsewhere."""
    kind = flow.op(position).type
    return kind in (CUSTOM_GRADIENT, INNER_GRADIENT) or has(kind, Trait.STOPS) or has(kind, Trait.OVERWRITES)
