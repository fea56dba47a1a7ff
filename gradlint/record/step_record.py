"""What a training step did with its tapes and optimizers: plain frozen data beside its `Recording`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gradlint.record.recording import ABSENT, Gradient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.record.terms import TargetKind


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the user's code.

    Attributes:
        function: tells one function of a file from another: the line where it begins.
    """

    file: str
    line: int
    function: int


Frames = tuple[Frame, ...]
"""The user's frames on the stack, innermost first."""


def beside(there: Frames, here: Frames) -> Frame | None:
    """Where the innermost function that two places of the user's code have in common goes to the first of them."""
    for one, other in zip(reversed(there), reversed(here), strict=False):
        if one != other:
            return one if (one.file, one.function) == (other.file, other.function) else None
    return None


@dataclass(frozen=True, slots=True)
class TapeRecord:
    """One tape of the user's.

    Attributes:
        frames: where it was opened for the first time.
        spans: (first, last + 1) positions of operations between which it recorded.
        watches: (tensor index, position) of what it was told to watch.
        integers: those of them that are no floats.
        resets: positions at which it was told to forget all that came before.
        refused: types of what it was told to watch, and that no tape watches.
    """

    frames: Frames
    is_persistent: bool
    watches_accessed: bool
    spans: tuple[tuple[int, int], ...]
    watches: tuple[tuple[int, int], ...] = ()
    integers: tuple[tuple[int, str, Frames], ...] = ()
    resets: tuple[tuple[int, Frames], ...] = ()
    refused: tuple[tuple[str, Frames], ...] = ()

    def records(self, position: int) -> bool:
        """Whether an operation ran while the tape was recording."""
        return any(first <= position < last for first, last in self.spans)


@dataclass(frozen=True, slots=True)
class AskedSource:
    """One source of a gradient call.

    Attributes:
        tensor: tensor index; of a variable that of its handle.
        variable: path; empty for a tensor.
        gradient: what the user's tape gave.
        result: tensor index of that gradient.
        outer: what gradlint's own tape, which has seen everything, gives; None when not asked.
        text: how the source is written in the call, if it can be told.
    """

    tensor: int
    variable: str
    dtype: str
    gradient: Gradient = ABSENT
    result: int | None = None
    outer: Gradient | None = None
    text: str = ""
    is_trainable: bool = True


@dataclass(frozen=True, slots=True)
class GradientCall:
    """One call of `gradient`, `jacobian` or `batch_jacobian`.

    Attributes:
        tape: index into `StepRecord.tapes`; None for a tape that was opened elsewhere.
        first: position of the first operation of the backward pass.
        last: one after its last.
        targets: tensor indices.
        in_reach: paths of variables that nobody asked this call for, and that the tape has a gradient of.
        error: the error it ended with.
    """

    kind: str
    tape: int | None
    frames: Frames
    first: int
    last: int
    targets: tuple[int, ...]
    target_kind: TargetKind
    target_text: str
    sources: tuple[AskedSource, ...]
    in_reach: tuple[str, ...] = ()
    is_inside: bool = False
    is_used_up: bool = False
    fills_zeros: bool = False
    odd_sources: str = ""
    """The type of a source that is neither a tensor nor a variable."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class UpdatePair:
    """A gradient and the variable it is applied to.

    Attributes:
        gradient: tensor index; None where there is none.
        variable: path.
        tensor: index of the variable's handle.
        is_zero: nothing is left of the gradient when the optimizer gets it.
        along: the cosine of the gradient and what a tape gave for the variable last; None where nothing is to compare.
    """

    gradient: int | None
    variable: str
    tensor: int
    is_zero: bool = False
    along: float | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """One call of `apply` or `apply_gradients`, or one assignment by the user's own hand.

    Attributes:
        optimizer: class name; empty for an assignment.
        pairs: empty where the call gets something that is no pairs.
        given: how many gradients and variables it got.
        learning_rate: None when unknown.
        scaled: a loss was scaled for it before; None where the optimizer wants none.
        error: the error it ended with.
        has_reset: its file has a function that is called after what begins anew, and assigns.
    """

    optimizer: str
    frames: Frames
    first: int
    last: int
    pairs: tuple[UpdatePair, ...]
    given: tuple[int, int] = (0, 0)
    is_paired: bool = True
    learning_rate: float | None = None
    is_scheduled: bool = False
    accumulates: bool = False
    scaled: bool | None = None
    scale: tuple[int, ...] = ()
    """Tensor indices of the variable that holds the loss scale, and of losses that were multiplied by it."""
    error: str | None = None
    has_reset: bool = False


@dataclass(frozen=True, slots=True)
class Movement:
    """What the step did to one variable.

    Attributes:
        is_changed: its value after the step is another.
        largest: the largest absolute value.
        resolution: distance from there to the next number of its dtype.
        by_hand: what is left of the step's own assignments, apart from what optimizers added: its product with the
            first gradient that a tape gave, its norm, and that of the gradient. None where there were none.
        is_kept: somebody has named it as what should learn, the step assigned to it by hand, and it holds what it held,
            but for rounding.
    """

    variable: str
    dtype: str
    is_changed: bool
    largest: float
    resolution: float
    by_hand: tuple[float, float, float] | None = None
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One call of `predict` or the like: a value that leaves TensorFlow, at one operation of the recording."""

    method: str
    model: str
    position: int
    frames: Frames


@dataclass(frozen=True, slots=True)
class Crash:
    """The error with which the step ended."""

    kind: str
    message: str
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Resting:
    """A layer that does something in training alone, in a part that the step trains and calls without `training`.

    Attributes:
        layer: its path.
        kind: its class.
        called: what the step calls, by name.
        frames: of the user's call.
        outputs: tensor indices of what it returns.
    """

    layer: str
    kind: str
    called: str
    frames: Frames
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rebound:
    """A name that went from a variable to a tensor.

    Attributes:
        name: as the user writes it.
        variables: paths of those that it stood for.
        frames: where the tensor was made.
        tensors: indices of the tensors, where nothing reads them; otherwise a gradient is asked of the variable.
    """

    name: str
    variables: tuple[str, ...]
    frames: Frames
    tensors: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class FrozenNumber:
    """A number of Python's own that the step changes, and that a function reads while it is traced, and never again.

    Attributes:
        text: as the function has it.
        function: the name of that function.
        was: what it is before the step.
        now: and after it.
        frame: where it is read.
        changed: where it is changed; None where that is not known.
        is_inside: it is changed by code that is traced, too.
    """

    text: str
    function: str
    was: float
    now: float
    frame: Frame
    changed: Frame | None
    is_inside: bool


@dataclass(frozen=True, slots=True)
class StepRecord:
    """Everything a step did, in the order in which it happened.

    Attributes:
        name: of the step.
        passes: for operations on the way of a gradient that is missing, which operands their gradient function serves.
        frames: the user's frames at each operation that ran outside of optimizers.
        returned: tensor indices of what the step returned.
        kept: tensor indices of gradients that something still holds after the step.
        taken: tensor indices of what was taken out of TensorFlow, to print it or otherwise.
        data: what the step was given: tensor index to key.
        rows: lengths of the first axis of those arrays.
        models: names of the models that were named.
        owner: the one of them whose own `train_step` it is.
        born: paths of trainable variables that were created while the step ran, with the place.
        rebound: names of variables that were bound to tensors.
        followers: paths of variables that by their names follow or teach what should learn, and that an update moves
            together with it, with the place of the update.
        made: classes of optimizers that were created while the step ran, and that keep something, with the place.
        replicated: (first, last + 1) positions of what a strategy runs in threads of its own.
        frozen: numbers of Python's own that are traced once.
        resting: layers that work as in inference since nobody says otherwise.
        halvings: how often optimizers halve their loss scale, and skip the update, before no gradient overflows; the
            recording has the gradients of then.
    """

    name: str
    tapes: tuple[TapeRecord, ...] = ()
    calls: tuple[GradientCall, ...] = ()
    updates: tuple[Update, ...] = ()
    movements: tuple[Movement, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    frames: Mapping[int, Frames] = field(default_factory=dict)
    passes: Mapping[int, tuple[bool, ...]] = field(default_factory=dict)
    returned: tuple[int, ...] = ()
    kept: frozenset[int] = frozenset()
    taken: frozenset[int] = frozenset()
    data: Mapping[int, str] = field(default_factory=dict)
    rows: tuple[int, ...] = ()
    models: tuple[str, ...] = ()
    owner: str | None = None
    born: tuple[tuple[str, Frames], ...] = ()
    departures: tuple[Frames, ...] = ()
    """Where values of tensors were taken out of TensorFlow, in order."""
    crash: Crash | None = None
    rebound: tuple[Rebound, ...] = ()
    followers: tuple[tuple[tuple[str, ...], Frames], ...] = ()
    made: tuple[tuple[str, Frames], ...] = ()
    replicated: tuple[tuple[int, int], ...] = ()
    frozen: tuple[FrozenNumber, ...] = ()
    resting: tuple[Resting, ...] = ()
    halvings: int = 0

    def frame_at(self, position: int) -> Frame | None:
        """The user's innermost frame at an operation; None where nobody noted it."""
        return next(iter(self.frames.get(position, ())), None)
