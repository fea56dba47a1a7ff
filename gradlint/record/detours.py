"""Values that leave TensorFlow during a run, and where they come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from gradlint.operations import NUMPY_CONVERSION
from gradlint.record import call_text, source
from gradlint.record.ledger import Place
from gradlint.record.terms import Region
from gradlint.upstream import eager

if TYPE_CHECKING:
    from gradlint.record.calls import Call
    from gradlint.record.ledger import Ledger

# A float of more significant digits is not written in code, but computed.
_LITERAL_DIGITS = 5


@dataclass(slots=True)
class Detour:
    """Values of a tensor were taken out of TensorFlow."""

    tensor: int
    place: Place
    is_scalar: bool
    op: int | None = None


class Detours:
    """The values that were taken out of TensorFlow in a run."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._all: list[Detour] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    def leave(self, index: int, place: Place) -> None:
        """Enter that somebody took the values of a tensor."""
        is_scalar = self._ledger.tensors[index].shape.rank == 0
        self._all.append(Detour(index, place, is_scalar))

    def come_back(self, tensor: Any, index: int, layer: str, region: Region) -> None:
        """Guess whether a tensor from nowhere holds values that left TensorFlow before.

        It does when it is first used in the layer (or loss) where values left, and it is neither a number from
        the code nor a shape or axis argument. Nothing is decided by this alone: it matters only where a
        gradient is missing and no other path explains it.
        """
        if region is Region.UPDATE:
            return  # An optimizer's numbers are its own.
        for detour in sorted(reversed(self._all), key=lambda detour: not self._is_computed(detour.tensor)):
            left = detour.place
            if left.layer and not (left.region is region and f"{layer}/".startswith(f"{left.layer}/")):
                continue
            if not detour.is_scalar and (tensor.dtype.name == "int32" or _is_literal(tensor)):
                continue
            op = self._enter(detour, region) if detour.op is None else detour.op
            self._ledger.producers[index] = op
            self._ledger.ops[op].outputs.append(index)
            return

    def _is_computed(self, index: int) -> bool:
        """Whether a tensor may have carried a gradient: data and indices leave as well, and lose nothing."""
        dtype = self._ledger.tensors[index].dtype
        return self._ledger.producers[index] is not None and bool(dtype.is_floating or dtype.is_complex)

    def _enter(self, detour: Detour, region: Region) -> int:
        """Enter the operation that gives back what left on one line, from however many tensors; gives its position."""
        left = detour.place
        line = (left.file, left.line, left.layer)
        together = [d for d in self._all if (d.place.file, d.place.line, d.place.layer) == line]
        operands = list(dict.fromkeys(d.tensor for d in together))
        position = len(self._ledger.ops)
        for other in together:
            other.op = position
        place = Place(left.layer, region, left.file, left.line)
        op = self._ledger.enter(NUMPY_CONVERSION, operands, place, is_pseudo=True)
        op.detail = call_text.leaving(left.file, left.line)
        return position

    def returned(self, call: Call, arguments: Any, tensor: Any) -> int:
        """Enter a tensor that a layer returned and that no operation made."""
        index = self._ledger.add(tensor, None)
        self.come_back(tensor, index, call.layer, Region.MODEL)
        if self._ledger.producers[index] is None and tensor.dtype.is_floating:
            self._made_elsewhere(call, arguments, index)
        return index

    def _made_elsewhere(self, call: Call, arguments: Any, index: int) -> None:
        """Say that a layer read its arguments: `np.asarray` reads tensors without being seen."""
        known = [self._ledger.known(t) for t in keras.tree.flatten(arguments) if eager.is_eager(t)]
        operands = [i for i in known if i is not None]
        if source.is_library_class(type(call.operation)) or not operands:
            return
        place = Place(call.layer, Region.MODEL, *source.definition_of(type(call.operation), "call"))
        op = self._ledger.enter(NUMPY_CONVERSION, operands, place, is_pseudo=True)
        op.outputs.append(index)
        self._ledger.producers[index] = len(self._ledger.ops) - 1

    def enter_detached_loss(self, loss: Any, outputs: Any) -> None:
        """Enter a loss that no operation made: it was computed from the outputs outside of TensorFlow."""
        operands = [self._ledger.index(t) for t in keras.tree.flatten(outputs) if eager.is_eager(t)]
        # The last line at which something computed left; labels leave as well.
        producers = self._ledger.producers
        computed = [d for d in self._all if d.place.region is Region.LOSS and producers[d.tensor] is not None]
        left = computed[-1].place if computed else Place("", Region.LOSS)
        operands = operands or [d.tensor for d in computed]
        place = Place(left.layer, Region.LOSS, left.file, left.line)
        op = self._ledger.enter(NUMPY_CONVERSION, operands, place, [loss], is_pseudo=True)
        op.detail = call_text.leaving(left.file, left.line)


def _is_literal(tensor: Any) -> bool:
    """Whether a tensor is a number that may stand in the code as it is."""
    if tensor.shape.rank != 0:
        return False
    if tensor.dtype.name not in ("float32", "float64"):
        return True
    mantissa = np.format_float_scientific(eager.array_of(tensor).ravel()[0], trim="-").split("e")[0]
    return sum(character.isdigit() for character in mantissa) <= _LITERAL_DIGITS
