"""Derivatives that the user's own code takes and that are zero wherever they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.operations import INNER_GRADIENT, ZERO_DERIVATIVE, Trait, has

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.record.recording import OpRecord


@dataclass(frozen=True, slots=True)
class ZeroDerivative:
    """A derivative by tensors that is zero in every element, of the sample and of each probe.

    Attributes:
        position: of the question to the tape.
        op: the operation at `position`.
        is_second: what is differentiated depends on a derivative itself.
        rectifiers: paths of the layers with a rectifier behind it.
        is_confirmed: there were probes.
    """

    position: int
    op: OpRecord
    is_second: bool
    rectifiers: tuple[str, ...]
    is_confirmed: bool

    def explains(self, flow: Flow, block: Block) -> bool:
        """Whether the zeros that a gradient meets at a block are those of the derivative, or what makes these."""
        if (block.op.file, block.op.line) == (self.op.file, self.op.line) and self.op.line is not None:
            return True
        zeros = [index for index in block.op.inputs if flow.is_all_zero(index)]
        return bool(flow.ancestors(zeros) & set(self.op.outputs))


def zero_derivatives(flow: Flow, probes: Sequence[Flow]) -> tuple[ZeroDerivative, ...]:
    """The derivatives of zeros on which the loss depends.

    Args:
        flow: the sample's own run.
        probes: runs on perturbed samples.
    """
    return tuple(_found(flow, probes))


def _found(flow: Flow, probes: Sequence[Flow]) -> Iterator[ZeroDerivative]:
    # Another run may need an operation more or less on the way: questions are told apart by their order.
    others = [(probe, _questions(probe)) for probe in probes if probe.recording.failure is None]
    for number, position in enumerate(_questions(flow)):
        op = flow.op(position)
        if not _is_zero(op) or not flow.behind_loss & set(op.outputs):
            continue
        if not all(number < len(asked) and _is_zero(probe.op(asked[number])) for probe, asked in others):
            continue
        behind = {maker for tensor in flow.ancestors(op.inputs) for maker in flow.producers(tensor)}
        makers = [flow.op(maker) for maker in sorted(behind)]
        rectifiers = dict.fromkeys(maker.layer for maker in makers if has(maker.type, Trait.RECTIFIES))
        is_second = any(maker.type == INNER_GRADIENT for maker in makers)
        yield ZeroDerivative(position, op, is_second, tuple(rectifiers), bool(probes))


def _questions(flow: Flow) -> list[int]:
    """The positions at which the user's own code asks a tape."""
    return [position for position, op in enumerate(flow.recording.ops) if op.type == INNER_GRADIENT]


def _is_zero(op: OpRecord) -> bool:
    return op.detail == ZERO_DERIVATIVE
