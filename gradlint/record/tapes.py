"""What the tapes of the model's own code are asked for during a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradlint.operations import INNER_GRADIENT
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint.record.calls import Calls
    from gradlint.record.ledger import Ledger


class Tapes:
    """The gradients that the model's own code asks for.

    Attributes:
        asked: ids of the handles that its step asks the gradients of.
    """

    def __init__(self, ledger: Ledger, calls: Calls) -> None:
        self.asked: set[int] = set()
        self._ledger = ledger
        self._calls = calls

    def gradient(self, targets: list[Any], sources: list[Any], compute: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """Compute gradients for the model's own code, which are a part of the loss, and write them down."""
        ledger = self._ledger
        if ledger.is_paused:
            return list(compute([]))
        with ledger.going_back():
            slopes = list(compute([]))
        operands = [ledger.index(tensor) for tensor in targets if eager.is_eager(tensor)]
        op = ledger.enter(INNER_GRADIENT, operands, self._calls.place(), is_pseudo=True)
        ledger.enter_slopes(op, sources, slopes)
        return slopes
