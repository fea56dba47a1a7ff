"""The calls of layers during a run: which one is at work, and what each returned."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras

from gradlint.record import call_text, source
from gradlint.record.ledger import Place
from gradlint.record.terms import Region
from gradlint.upstream import eager, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint.record.ledger import Ledger
    from gradlint.record.step_record import Frames


@dataclass(slots=True)
class Call:
    """One call of a layer."""

    layer: str
    operation: Any
    first: int
    frames: Frames = ()
    """The user's frames on the stack of the caller, innermost first."""
    last: int = -1
    outputs: list[int] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    return_file: str | None = None
    return_line: int | None = None
    is_evaluated: bool = False
    """It gets `training=False`."""
    is_inference: bool = False
    """The user's code says `training=False`, and not only hands on what holds around the call."""


class UnwantedCallError(Exception):
    """A layer is called that was not to be."""


def joined(around: str, path: str) -> str:
    """The path of a layer inside of another one.

    A layer that was built on its own, such as a cell or a shared encoder, keeps its path of then, which may
    repeat the last names of the path around it.
    """
    if not around or path == around or path.startswith(f"{around}/"):
        return path or around
    outer, inner = around.split("/"), path.split("/") if path else []
    overlap = next(
        (n for n in range(min(len(outer), len(inner)), 0, -1) if outer[-n:] == inner[:n]),
        0,
    )
    return "/".join([*outer, *inner[overlap:]])


class Calls:
    """The calls of Keras layers, and where the run is.

    Args:
        ledger: of the run.
        root: the source file that starts the run.
        model: the model under test, whose own path is empty.
        returned: called with a call, its arguments and each tensor that it returned and that no operation made.

    Attributes:
        all: in the order in which they began.
        outermost: those that no other layer makes, with what the layer takes as `training`; None where nobody says.
        failed: the innermost one that ended with an error, and `failed_operands` its tensors.
        unwanted: ids of layers at whose call the run ends.
        trace_returns: find out what each layer is given, and from which line each of the user's returned.
    """

    def __init__(self, ledger: Ledger, root: str, model: Any, returned: Callable[[Call, Any, Any], int]) -> None:
        self.all: list[Call] = []
        self.outermost: list[tuple[Call, bool | None]] = []
        self.failed: Call | None = None
        self.failed_operands: list[int] = []
        self.trace_returns = False
        self.unwanted: frozenset[int] = frozenset()
        self._ledger = ledger
        self._root = root
        self._model = model
        self._model_name = str(getattr(model, "name", ""))
        self._returned = returned
        self._resting: list[tuple[Call, Call]] = []
        self._decided: list[tuple[Call, Call]] = []
        self._open: list[Call] = []
        self.is_updating = False

    @property
    def operations(self) -> frozenset[int]:
        """The ids of what was called."""
        return frozenset(id(call.operation) for call in self.all)

    @property
    def resting(self) -> list[tuple[Call, Call]]:
        """The calls of layers that do something in training alone, where nobody ever says `training`.

        Each behind the call around it that no other layer makes.
        """
        decided = {id(call.operation) for _, call in self._decided}
        return [pair for pair in self._resting if id(pair[1].operation) not in decided]

    @property
    def region(self) -> Region:
        """The part of the training step that is running."""
        if self.is_updating:
            return Region.UPDATE
        return Region.MODEL if self._open else Region.LOSS

    @property
    def layer(self) -> str:
        """The path of the layer that is running; empty outside of every layer."""
        path = models.current_path()
        call = self._open[-1] if self._open else None
        if call is not None and (call.operation is self._model or not isinstance(call.operation, keras.Layer)):
            # Between the layers of a functional model the path is the model's own name.
            return call.layer if path in ("", self._model_name) or call.layer else path
        return joined(call.layer if call is not None else "", path)

    def place(self) -> Place:
        """Where the run is."""
        region = self.region
        # What is above the innermost call is as it was when that began, however deep it is.
        known = (Calls.run.__code__, self._open[-1].frames) if self._open else None
        file, line = source.user_frame(inspect.currentframe(), self._root, known)
        frames = source.frames_above(self._root) if region is not Region.MODEL and file is not None else ()
        return Place(self.layer, region, file, line, frames[-1] if frames else None)

    def frames(self) -> Frames:
        """The user's frames on the stack, without those of layers that are running."""
        return self._open[0].frames if self._open else source.frames_above(self._root)

    def run(self, operation: Any, arguments: Any, run: Callable[[], Any]) -> Any:
        """Run a layer, or an operation of a functional model, and write its call down."""
        ledger = self._ledger
        if ledger.is_paused:
            return run()
        if id(operation) in self.unwanted:
            raise UnwantedCallError
        is_layer = isinstance(operation, keras.Layer)
        layer = self.layer
        if not is_layer:  # An operation of a functional model opens no name scope.
            layer = f"{layer}/{operation.name}" if layer else str(operation.name)
        call = Call(
            "" if operation is self._model else layer, operation, len(ledger.ops), source.frames_above(self._root)
        )
        if arguments[1].get("training") is False:
            around = self._open[-1] if self._open else None
            call.is_evaluated = True
            call.is_inference = (
                not (around and around.is_evaluated) and is_layer and models.is_told_inference(operation)
            )
        self.all.append(call)
        if is_layer and models.rests_in_inference(operation):
            is_decided = models.training_of(operation, arguments) or _is_told_to_rest(operation)
            (self._decided if is_decided else self._resting).append(((*self._open, call)[0], call))
        if not self._open:
            self.outermost.append((call, models.training_of(operation, arguments)))
        self._open.append(call)
        try:
            if self.trace_returns:
                given = (ledger.known(t) for t in keras.tree.flatten(arguments) if eager.is_eager(t))
                call.given = [index for index in given if index is not None]
            if self.trace_returns and is_layer and not source.is_library_class(type(operation)):
                result, call.return_file, call.return_line = source.run_and_locate_return(operation, run)
            else:
                result = run()
        except Exception:
            if self.failed is None:
                operands = [t for t in keras.tree.flatten(arguments) if eager.is_eager(t)]
                self.failed = call
                self.failed_operands = [ledger.index(tensor) for tensor in operands]
            raise
        finally:
            self._open.pop()
            call.last = len(ledger.ops)
        for tensor in keras.tree.flatten(result):
            if eager.is_eager(tensor):
                known = ledger.known(tensor)
                call.outputs.append(self._returned(call, arguments, tensor) if known is None else known)
        return result


def _is_told_to_rest(layer: Any) -> bool:
    """Whether the user's code says `training=False`, for a layer that is about to run or around it."""
    is_said, lines = models.inference_said(layer)
    return is_said or any(call_text.says_inference(file, line) for file, line in lines)
