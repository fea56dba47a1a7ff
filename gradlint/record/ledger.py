"""The ledger of a run: every operation in the order of execution, with its live tensors."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gradlint.operations import ZERO_DERIVATIVE
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gradlint.record.step_record import Frame
    from gradlint.record.terms import Region


@dataclass(frozen=True, slots=True)
class Place:
    """Where something happens: the layer that runs, the part of the training step, and the user's line.

    Attributes:
        outer: the user's outermost frame, outside of layers: that of the method or function which computes the loss.
    """

    layer: str
    region: Region
    file: str | None = None
    line: int | None = None
    outer: Frame | None = None


@dataclass(slots=True)
class Op:
    """One operation, still alive."""

    type: str
    layer: str
    file: str | None
    line: int | None
    region: Region
    inputs: list[int]
    outputs: list[int]
    attributes: tuple[Any, ...] = ()
    enclosed: int | None = None
    detail: str | None = None
    is_pseudo: bool = False
    error: str | None = None
    outer: Frame | None = None
    is_backward: bool = False
    """It ran while the model's own code asked a tape for gradients."""


class Ledger:
    """What happened in a run.

    Attributes:
        ops: in the order of execution.
        tensors: live tensors by index; None for the new versions of assigned variables.
        producers: by tensor index, the position of the operation that made it; None for sources.
        assigned: ids of the resource handles that were assigned to.
        decisions: indices of the tensors whose value decided a branch or a loop.
        is_paused: what runs now is not the model's.
        is_backward: what runs now computes gradients for the model's own code.
    """

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.tensors: list[Any] = []
        self.producers: list[int | None] = []
        self.assigned: set[int] = set()
        self.decisions: set[int] = set()
        self.is_paused = False
        self.is_backward = False
        self._index: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._later: dict[int, list[int]] = {}

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Run TensorFlow code that is not the model's."""
        before, self.is_paused = self.is_paused, True
        try:
            yield
        finally:
            self.is_paused = before

    @contextlib.contextmanager
    def going_back(self) -> Iterator[None]:
        """Run the gradient functions of operations for the model's own code."""
        before, self.is_backward = self.is_backward, True
        try:
            yield
        finally:
            self.is_backward = before

    # -- tensors ---------------------------------------------------------------------------------------

    def index(self, tensor: Any) -> int:
        """The index of a tensor; an unseen one becomes a source."""
        known = self.known(tensor)
        return self.add(tensor, None) if known is None else known

    def known(self, tensor: Any) -> int | None:
        """The index of a tensor that took part in the run."""
        return self._index.get(eager.tensor_id(tensor))

    def versions(self, handle: Any) -> list[int]:
        """The indices of a resource handle: its own, and one for each time it was assigned to."""
        key = eager.tensor_id(handle)
        first = self._first.get(key)
        return [self.index(handle) if first is None else first, *self._later.get(key, ())]

    def made_of(self, indices: Iterable[int]) -> set[int]:
        """Some tensors, and all that operations make of them."""
        found = set(indices)
        for op in self.ops if found else ():
            if any(index in found for index in op.inputs):
                found.update(op.outputs)
        return found

    def add(self, tensor: Any, producer: int | None) -> int:
        """Enter a tensor that was not there before."""
        self._index[eager.tensor_id(tensor)] = len(self.tensors)
        self.tensors.append(tensor)
        self.producers.append(producer)
        return len(self.tensors) - 1

    def alias(self, tensor: Any, index: int) -> None:
        """Enter a tensor as another name of a known one."""
        self._index[eager.tensor_id(tensor)] = index

    # -- operations ------------------------------------------------------------------------------------

    def enter(
        self,
        op_type: str,
        inputs: list[int],
        place: Place,
        results: Sequence[Any] = (),
        *,
        attributes: tuple[Any, ...] = (),
        is_pseudo: bool = False,
    ) -> Op:
        """Enter an operation and the tensors that it made."""
        op = Op(op_type, place.layer, place.file, place.line, place.region, inputs, [], attributes, is_pseudo=is_pseudo)
        op.outer, op.is_backward = place.outer, self.is_backward
        self.ops.append(op)
        self.entered(len(self.ops) - 1)
        op.outputs = [self.add(tensor, len(self.ops) - 1) for tensor in results]
        return op

    def entered(self, position: int) -> None:
        """What is to be noted when an operation is entered; nothing by itself."""

    def enter_slopes(self, op: Op, sources: Sequence[Any], slopes: Sequence[Any]) -> None:
        """Enter the gradients that a tape has given to the model's own code."""
        found = [values for slope in slopes if eager.is_eager(values := getattr(slope, "values", slope))]
        op.outputs.extend(self.index(values) for values in found)
        is_of_values = all(map(eager.is_value, found)) and not any(
            tensor.dtype.name == "resource" for tensor in sources
        )
        if found and is_of_values and not any(eager.array_of(values).any() for values in found):
            op.detail = ZERO_DERIVATIVE

    def enter_assignment(self, op: Op, handle: Any) -> None:
        """Enter that the last operation gave a resource handle a new value.

        From here on, whoever reads the handle reads what was assigned.
        """
        key = eager.tensor_id(handle)
        self.assigned.add(key)
        self._first.setdefault(key, self._index[key])
        version = len(self.tensors)
        self._later.setdefault(key, []).append(version)
        self.tensors.append(None)
        self.producers.append(len(self.ops) - 1)
        op.outputs.append(version)
        self._index[key] = version
