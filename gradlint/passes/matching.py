"""Values of two runs that are the same, whatever operations made them, and where the ways of the two part."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.operations import INNER_GRADIENT
from gradlint.record.terms import is_float

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gradlint.record.trail import Print, Trail

OF_GRADIENT = 2e-3
"""Relative distance of two gradients that does not count."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one of the steps parts.

    Attributes:
        position: of the operation; -1 for what is no operation.
        operands: shapes of what the operation takes.
        known: which of them the other step has as well.
        result: the shape of what it gives.
    """

    position: int
    cause: Cause
    operands: tuple[tuple[int, ...], ...] = ()
    known: tuple[bool, ...] = ()
    result: tuple[int, ...] = ()
    dtype: str = ""

    @property
    def broadcasts(self) -> bool:
        """Whether two arrays of one size give a larger one, as labels (8,) and predictions (8, 1) do."""
        sizes = [prod(shape) for shape in self.operands]
        return len(sizes) == 2 and sizes[0] == sizes[1] < prod(self.result)


class Ways:
    """What leads to some tensors of a trail, and which of it another trail has as well."""

    def __init__(self, trail: Trail, targets: Iterable[int]) -> None:
        self.trail = trail
        self.tensors: set[int] = set()
        pending = list(targets)
        while pending:
            index = pending.pop()
            if index not in self.tensors:
                self.tensors.add(index)
                producer = trail.recording.tensors[index].producer
                if producer is not None:
                    pending.extend(trail.recording.ops[producer].inputs)
        self._by_size: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for index in self.tensors & trail.prints.keys():
            self._by_size[trail.prints[index].size].append((trail.prints[index].norm, index))
        for entries in self._by_size.values():
            entries.sort()

    def twin(self, other: Print, op_type: str) -> int | None:
        """The first tensor on these ways with the same values as another one, and for constants the same origin."""
        entries = self._by_size.get(other.size, [])
        place = bisect_left(entries, (other.norm * 0.9 - 1e-30, -1))
        met = []
        while place < len(entries) and entries[place][0] <= other.norm * 1.1 + 1e-30:
            index = entries[place][1]
            if self.trail.prints[index].is_like(other) and (other.constant is None or self.made_by(index) == op_type):
                met.append(index)
            place += 1
        return min(met, default=None)

    def made_by(self, index: int) -> str:
        producer = self.trail.recording.tensors[index].producer
        return "" if producer is None else self.trail.recording.ops[producer].type

    def twins(self, others: Ways) -> dict[int, int]:
        """For each tensor on these ways the one that is the same on the others."""
        found = {}
        for index in self.tensors & self.trail.prints.keys():
            twin = others.twin(self.trail.prints[index], self.made_by(index))
            if twin is not None:
                found[index] = twin
        return found

    def frontier(self, targets: Iterable[int], twins: Mapping[int, int]) -> Spot | None:
        """The first operation on the way to some tensors whose result the other trail does not have."""
        recording, prints = self.trail.recording, self.trail.prints
        pending, seen, found = [t for t in targets if t not in twins], set[int](), list[int]()
        while pending:
            index = pending.pop()
            producer = recording.tensors[index].producer
            if index in seen or producer is None:
                continue
            seen.add(index)
            inputs = recording.ops[producer].inputs
            further = [
                i for i in inputs if i in prints and i not in twins and recording.tensors[i].producer is not None
            ]
            pending.extend(further)
            if not further:
                found.append(producer)
        if not found:
            return None
        spots = [self._spot(position, twins) for position in found]
        # What computes shapes and draws numbers comes before what it is for.
        return min(spots, key=lambda spot: (not (is_float(spot.dtype) and any(spot.known)), spot.position))

    def _spot(self, position: int, twins: Mapping[int, int]) -> Spot:
        op, tensors = self.trail.recording.ops[position], self.trail.recording.tensors
        operands = [index for index in op.inputs if index in self.trail.prints]
        result = tensors[op.outputs[0]] if op.outputs else None
        return Spot(
            position,
            Cause(op.layer or None, op.type, op.file, op.line),
            tuple(tensors[index].shape for index in operands),
            tuple(index in twins for index in operands),
            result.shape if result is not None else (),
            result.dtype if result is not None else "",
        )


def last_parting(trail: Trail, number: int, twins: Mapping[int, int], other: Trail) -> Spot | None:
    """The operation closest to the loss that gets the same gradient as in the other trail, and hands on another."""
    for position in sorted(_behind(trail, number), reverse=True):
        op = trail.recording.ops[position]
        if not any(_same_slope(trail, other, index, twins) for index in op.outputs):
            continue
        for index in op.inputs:
            if index not in twins or trail.prints[index].constant is not None:
                continue  # Of two biases that are zero each looks like the other.
            if trail.recording.tensors[index].is_float and not _same_slope(trail, other, index, twins):
                return _spot_at(trail, _copying(trail, other, index, twins) or position)
    return None


def _copying(trail: Trail, other: Trail, index: int, twins: Mapping[int, int]) -> int | None:
    """The operation that gave a tensor, where it is one that only hands values on, as StopGradient does."""
    producer, theirs = trail.recording.tensors[index].producer, other.recording.tensors[twins[index]].producer
    if producer is None or theirs is None:
        return None
    op = trail.recording.ops[producer]
    return producer if op.type != other.recording.ops[theirs].type and set(op.inputs) & twins.keys() else None


def _spot_at(trail: Trail, position: int) -> Spot:
    op = trail.recording.ops[position]
    return Spot(position, Cause(op.layer or None, op.type, op.file, op.line))


def _behind(trail: Trail, number: int) -> Iterator[int]:
    ways = Ways(trail, trail.record.calls[number].targets)
    producers = {trail.recording.tensors[index].producer for index in ways.tensors}
    yield from (p for p in producers if p is not None and trail.recording.ops[p].type != INNER_GRADIENT)


def _same_slope(trail: Trail, other: Trail, index: int, twins: Mapping[int, int]) -> bool:
    if index not in twins:
        return False
    one, two = trail.slopes.get(index), other.slopes.get(twins[index])
    if one is None or two is None:
        return one is two
    return one.is_like(two, OF_GRADIENT)
