"""What the tapes of the model's own code are asked for during a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradlint.operations import INNER_GRADIENT
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlint.record.calls import Calls
    from gradlint.record.ledger import Ledger
    from gradlint.record.step_record import Frames


@dataclass(slots=True)
class Asked:
    """What the tapes of the model's own `train_step` say of one variable.

    Attributes:
        is_asked: the step asks for its gradient.
        is_given: a tape that was asked gave one.
        is_in_reach: a tape that was asked for others has one.
    """

    is_asked: bool = False
    is_given: bool = False
    is_in_reach: bool = False
    frames: Frames = ()
    """Of the user's code that asks, innermost first."""


class Tapes:
    """The gradients that the model's own code asks for.

    Attributes:
        captures_losses: the targets of updates are losses.
        losses: those targets.
        learners: gives the handles of what should learn.
        asked: what the tapes say of each of them, by handle id.
    """

    def __init__(self, ledger: Ledger, calls: Calls) -> None:
        self.captures_losses = False
        self.losses: list[Any] = []
        self.learners: Callable[[], Sequence[Any]] = tuple
        self.asked: dict[int, Asked] = {}
        self._ledger = ledger
        self._calls = calls

    def gradient(self, targets: list[Any], sources: list[Any], compute: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """Compute gradients for the model's own code, and write down what a tape was asked."""
        ledger = self._ledger
        if ledger.is_paused:
            return list(compute([]))
        # A derivative with respect to variables is an update; one with respect to inputs is a part of the loss.
        # So is one with respect to no variable at all: the list was meant to hold some.
        is_update = self.captures_losses and (not sources or any(tensor.dtype.name == "resource" for tensor in sources))
        is_update = is_update and all(eager.is_eager(tensor) for tensor in targets)  # `jacobian` builds a graph.
        others: list[Any] = []
        if is_update:
            self.losses.extend(targets)
            known = {eager.tensor_id(tensor) for tensor in sources}
            others = [handle for handle in self.learners() if eager.tensor_id(handle) not in known]
        with ledger.going_back():
            slopes = list(compute(others))
        result = slopes[: len(sources)]
        operands = [ledger.index(tensor) for tensor in targets if eager.is_eager(tensor)]
        op = ledger.enter(INNER_GRADIENT, operands, self._calls.place(), is_pseudo=True)
        if is_update:
            self._note([*sources, *others], slopes, len(sources), self._calls.frames())
        ledger.enter_slopes(op, sources, result)
        return result

    def _note(self, sources: list[Any], slopes: list[Any], number: int, frames: Frames) -> None:
        """Remember what a tape said of variables, of which the first ones were asked for."""
        for place, (source, slope) in enumerate(zip(sources, slopes, strict=True)):
            known = self.asked.setdefault(eager.tensor_id(source), Asked())
            is_asked = place < number
            if is_asked or (slope is not None and not known.is_asked):
                known.frames = frames
            known.is_asked |= is_asked
            known.is_given |= is_asked and slope is not None
            known.is_in_reach |= slope is not None
