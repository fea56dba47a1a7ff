"""Vary: another draw of what the model itself draws (masks, dropout, augmentation), on the same sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.experiments.taped import taped
from gradlint.operations import Trait, has
from gradlint.record.reduction import gradient_of, used_slices
from gradlint.result import GradientState
from gradlint.upstream import backprop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gradlint.record.recording import Recording
    from gradlint.record.runner import Runner

_MOST = 8
"""Draws that are made of a model in which something random is seen; the probes are two for every one."""
_RARE = 3
"""Where a slice is read in fewer than one of so many draws, one that never was may have been left out by chance."""
_FIRST_SEED = 1000
"""The probes have the seeds before."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One run with a seed of its own.

    Attributes:
        alive: keys and paths with a gradient that is neither zero nor absent.
        used: by input key, for each axis but the batch: which slices have one.
    """

    alive: frozenset[str]
    used: Mapping[str, tuple[tuple[bool, ...], ...]]


class Draws:
    """Runs on the sample with other seeds, made when they are asked for."""

    def __init__(self, runner: Runner, recording: Recording) -> None:
        self._runner = runner
        self._most = _MOST if any(has(op.type, Trait.DRAWS) for op in recording.ops) else 0
        self._made: list[Draw] = []

    def __iter__(self) -> Iterator[Draw]:
        for number in range(self._most):
            if number == len(self._made):
                made = self._draw(_FIRST_SEED + number)
                if made is None:
                    self._most = number
                    return
                self._made.append(made)
            yield self._made[number]

    def _draw(self, number: int) -> Draw | None:
        run = self._runner.run(seed=self._runner.subject.seed + number)
        with run.isolated():
            found = taped(run)
            if found is None:
                return None
            slopes = backprop.gradients(found.tape, found.loss, found.sources)
        pairs = list(zip(found.names, slopes, strict=True))
        alive = (name for name, slope in pairs if gradient_of(slope).state is GradientState.FINITE)
        ranks = {key: len(tensor.shape) for key, tensor in found.batch.inputs.items()}
        return Draw(frozenset(alive), {key: used_slices(slope, ranks[key]) for key, slope in pairs[: found.inputs]})

    def revived(self, names: frozenset[str]) -> frozenset[str]:
        """Those of some keys and paths that have a gradient in any draw; no more are made once all have."""
        found: frozenset[str] = frozenset()
        for draw in self:
            if found == names:
                break
            found |= draw.alive & names
        return found

    def unread(self, key: str, axis: int, slices: Sequence[int]) -> tuple[int, ...]:
        """Those slices of an input that no draw reads; none where it may be by chance that they were not."""
        left, counts, number = list(slices), dict[int, int](), 0
        for draw in self:
            flags = draw.used.get(key, ())
            read = {at for at, flag in enumerate(flags[axis - 1]) if flag} if len(flags) >= axis else set()
            left, number = [at for at in left if at not in read], number + 1
            for at in read:
                counts[at] = counts.get(at, 0) + 1
            if not left:
                return ()
        is_by_chance = min(counts.values(), default=number) * _RARE < number
        return () if is_by_chance else tuple(left)
