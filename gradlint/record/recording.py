"""What one run of a model left behind: plain frozen data, without TensorFlow and without arrays of weights."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from gradlint.record.terms import is_float
from gradlint.result import GradientState
from gradlint.thresholds import DEFAULT_THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gradlint.record.leak import Leak
    from gradlint.record.start import Start
    from gradlint.record.terms import Local, Omission, Region


@dataclass(frozen=True, slots=True)
class Gradient:
    """A gradient, reduced.

    Attributes:
        state: absent, zero, finite or non-finite.
        norm: Euclidean norm; None when absent or non-finite.
        largest: largest absolute element; None when absent or non-finite.
        nonzero: share of elements that are not exactly zero, in [0, 1].
    """

    state: GradientState
    norm: float | None = None
    largest: float | None = None
    nonzero: float | None = None


ABSENT = Gradient(GradientState.ABSENT)
PRESENT = Gradient(GradientState.PRESENT)
NOT_APPLICABLE = Gradient(GradientState.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a float tensor, reduced; minimum and maximum are over its finite elements."""

    minimum: float
    maximum: float
    mean: float
    zeros: float
    """Share of elements that are exactly zero, in [0, 1]."""
    nonfinite: int
    """Number of NaN and infinite elements."""
    size: int
    nan: int = 0
    """Number of NaN elements."""


class Unreduced(Enum):
    """Says that there are values which nobody has looked at."""

    NOT_REDUCED = "not reduced"


NOT_REDUCED: Final = Unreduced.NOT_REDUCED


class NotReducedError(LookupError):
    """Somebody asked for the values of a tensor that a run gave no reason to look at."""


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """One tensor of the run. Its index in `Recording.tensors` is its name.

    In a run on symbols a length that nobody knows is -1.

    Attributes:
        reduced: its values; None for what has none: handles, whole numbers, empty tensors, symbols.
    """

    shape: tuple[int, ...]
    dtype: str
    producer: int | None
    gradient: Gradient
    reduced: Values | Unreduced | None = None

    @property
    def values(self) -> Values | None:
        """Its values; None for what has none.

        Raises:
            NotReducedError: it has values, and the run gave no reason to look at them (`Recording.is_looked_at`).
        """
        if isinstance(self.reduced, Unreduced):
            raise NotReducedError(
                f"the values of a tensor of shape {self.shape} were not reduced: nothing in this run is zero, "
                "saturated or not finite. What must know them all the same says so with Need.REDUCED"
            )
        return self.reduced

    @property
    def is_float(self) -> bool:
        return is_float(self.dtype)


@dataclass(frozen=True, slots=True)
class OpRecord:
    """One operation of the run, in the order of the forward pass.

    Attributes:
        type: TensorFlow operation type; `PyFunc`, `NumpyConversion`, `CustomGradient` and `InnerGradient`
            stand for what happens outside of operations.
        layer: Keras layer path; empty outside of every layer.
        file: the user's innermost source file, if the user's code was running.
        inputs: tensor indices.
        outputs: tensor indices.
        local: for each input, what the gradient function hands to it.
        enclosed: index of the `CustomGradient` operation whose function contains this one.
        detail: the name of the custom gradient function, or the error of a gradient function that raises.
    """

    type: str
    layer: str
    file: str | None
    line: int | None
    region: Region
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    local: tuple[Local, ...]
    enclosed: int | None = None
    detail: str | None = None
    saturated: float | None = None
    """Share of the elements of a squashing function that have no usable slope, in [0, 1]."""
    is_backward: bool = False
    """It is a part of a gradient that the model's own code asks a tape for."""
    mismatch: float | None = None
    """Where the gradient function hands on zero: relative change of the output per relative change of the
    input, measured by finite differences. None when not measured."""
    is_levelling: bool = False
    """Whole numbers that differ go in, and equal ones come out."""
    loss_line: int | None = None
    """The line of the user's own loss at work, where `LossRecord` has one; `line` may be of what that line calls."""


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One call of a layer: the operations `first` to `last - 1` ran inside of it.

    Attributes:
        layer: path; empty for the model under test.
        is_library: the class is installed code.
        is_operation: a `keras.ops` node of a functional model, not a layer.
        outputs: tensor indices of what the call returned.
        return_file: source file of the user's line that returned; known where it was asked for, as `given` is.
        caller_file: source file of the user's line that calls it, and gets the outputs.
        given: tensor indices of what it got.
        names_first_axis: it is told to work along the first axis, as `attention_axes=(0,)` does.
    """

    layer: str
    class_name: str
    is_library: bool
    is_model: bool
    is_operation: bool
    first: int
    last: int
    outputs: tuple[int, ...]
    return_file: str | None = None
    return_line: int | None = None
    caller_file: str | None = None
    caller_line: int | None = None
    given: tuple[int, ...] = ()
    names_first_axis: bool = False

    @property
    def is_of_library(self) -> bool:
        """Whether a library has chosen the operations: a `Lambda` or a functional model takes them from its user."""
        return self.is_library and self.class_name not in ("Lambda", "Functional", "Sequential", "Model")


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One input key of the sample.

    Attributes:
        tensor: tensor index; None when the model never received it.
        used: for each axis but the batch, one flag per slice: does any element of it receive a gradient?
    """

    key: str
    tensor: int | None
    shape: tuple[int, ...]
    dtype: str
    gradient: Gradient
    used: tuple[tuple[bool, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A variable that a step of the user's own does not train.

    Attributes:
        in_turns: the step chooses what it trains; another step may train this.
        file: of the line that asks for gradients.
    """

    omission: Omission
    in_turns: bool = False
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Hidden:
    """Where an object that Keras does not look into keeps a variable.

    Attributes:
        layer: path of the layer on which the object hangs.
        attribute: by which the layer has it; of a loss, by which it has the variable itself.
        kind: name of the object's class.
        file: where the class of the layer, or of the loss, gives the attribute its value.
        is_loss: the object is a loss, and hangs on no layer.
    """

    layer: str
    attribute: str
    kind: str
    file: str | None = None
    line: int | None = None
    is_loss: bool = False


@dataclass(frozen=True, slots=True)
class VariableRecord:
    """One variable of the model.

    Attributes:
        path: Keras path.
        tensor: index of its resource handle; None when the run never touched it.
        layer: path of the layer that owns it.
        owner_called: whether that layer ran.
        blamed: path of the layer whose code is responsible for using it: the owner if it ran, else the
            nearest enclosing layer that ran; None when none of them did.
        blamed_is_library: whether the class of the blamed layer is installed library code.
        is_cached: only `build` or `__init__` reads it, at the line of `file`: what is made of it there is a constant.
        optional: the blamed call reads it only when an optional argument is given, and it was not.
        file: where the variable, or the layer that owns it, is created in the blamed class.
        units_equal: all units (slices of the last axis) have equal values and equal gradients.
        left_out: the model's own `train_step` does not train it; the gradient is absent then.
        hidden: where it is kept, of a variable that the model does not list.
        is_overruled: its layer says that it is trainable, and the model around it that nothing is.
    """

    path: str
    tensor: int | None
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    layer: str
    gradient: Gradient
    owner_called: bool = True
    blamed: str | None = None
    blamed_is_library: bool = False
    is_cached: bool = False
    optional: bool = False
    tracked: bool = True
    file: str | None = None
    line: int | None = None
    values: Values | None = None
    units_equal: bool = False
    left_out: LeftOut | None = None
    hidden: Hidden | None = None
    is_overruled: bool = False


@dataclass(frozen=True, slots=True)
class IdleLayers:
    """Layers that one layer holds and never calls; they were never built.

    Attributes:
        holder: path of that layer; empty for the model.
        layers: their paths.
        called: how many others beside them it calls; 0 where no code reads what holds them.
        file: of the line that creates them.
    """

    holder: str
    layers: tuple[str, ...]
    called: int
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class LayerLosses:
    """The losses that the layers of one model add: regularisers, and what they give to `add_loss`.

    Attributes:
        model: its name.
        owners: names of the layers that add losses.
        variables: paths of the variables with a regulariser.
        is_read: somebody has read `losses` of all of them.
        read: tensor indices of what came.
        file: of the line that calls the model where its loss is made, or that makes the loss behind it.
    """

    model: str
    owners: tuple[str, ...]
    variables: tuple[str, ...]
    is_read: bool
    read: tuple[int, ...] = ()
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One output of the model.

    Attributes:
        is_declined: compiled with loss None or weight 0: no loss reads it, by intent.
    """

    name: str
    tensor: int
    layer: str
    is_declined: bool = False


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """One array of labels; `output` is what follows `y:` in its key, or empty."""

    key: str
    output: str
    tensor: int
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class LossRecord:
    """The loss that was differentiated.

    Attributes:
        kind: `compiled`, `train_step`, `named`, `callable` or `surrogate`.
        description: one line for the report.
        tensor: tensor index; None when the run failed before.
        value: None when not finite.
        functions: (output name, loss class or function name, from_logits or None, is built in) per output.
    """

    kind: str
    description: str
    tensor: int | None = None
    value: float | None = None
    functions: tuple[LossFunction, ...] = ()
    file: str | None = None
    """Where the user's own `compute_loss`, `train_step` or callable is defined."""
    line: int | None = None
    unseen: str = ""
    """A method of the model that `fit` would call, and that was not looked at; with the reason."""
    unread: str = ""
    """Why no label is read, whether or not there are any."""


@dataclass(frozen=True, slots=True)
class LossFunction:
    """The compiled loss of one output."""

    output: str
    name: str
    from_logits: bool | None
    builtin: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """The run ended with an error of TensorFlow or Keras about shapes or dtypes.

    Attributes:
        kind: `shape` or `dtype`.
        message: first line of the error, without Keras's argument dump.
        layer: path of the layer that failed, or that made the prediction the loss failed on.
        part: what failed outside of the model, in words.
    """

    kind: str
    message: str
    region: Region
    layer: str | None
    class_name: str | None
    op: str | None
    file: str | None
    line: int | None
    shapes: tuple[tuple[int, ...], ...] = ()
    inputs: tuple[str, ...] = ()
    part: str = "the loss"


@dataclass(frozen=True, slots=True)
class Recording:
    """One run: everything the analysis knows about the model's behaviour."""

    ops: tuple[OpRecord, ...]
    tensors: tuple[TensorRecord, ...]
    calls: tuple[LayerCall, ...]
    inputs: tuple[InputRecord, ...]
    variables: tuple[VariableRecord, ...]
    outputs: tuple[OutputRecord, ...]
    labels: tuple[LabelRecord, ...]
    loss: LossRecord
    decisions: frozenset[int] = frozenset()
    """Tensors whose value decides a branch or the length of a loop."""
    failure: Failure | None = None
    leak: Leak | None = None
    """Between the samples of the batch."""
    future_leaks: tuple[Leak, ...] = ()
    """From later steps of the inputs that were said to be causal."""
    layer_losses: tuple[LayerLosses, ...] = ()
    """Where the user's own code makes the loss: `fit` adds them by itself."""
    idle: tuple[IdleLayers, ...] = ()
    """Layers that are never called; only of the sample's own run."""
    start: Start | None = None
    """What the first step of training shows; only of the sample's own run."""
    is_looked_at: bool = False
    """The values of all tensors are reduced; else only those of the outputs are."""

    def __post_init__(self) -> None:
        """Check that the recording is whole.

        Raises:
            ValueError: an operation or a tensor names what is not there, or values are missing, or are there, where
                `is_looked_at` says otherwise.
        """
        number = range(len(self.tensors))
        for position, op in enumerate(self.ops):
            if not all(index in number for index in (*op.inputs, *op.outputs)):
                raise ValueError(f"operation {position} ({op.type}) names a tensor that is not there")
            if len(op.local) != len(op.inputs):
                raise ValueError(f"operation {position} ({op.type}) has no word on each of its operands")
        outputs = {output.tensor for output in self.outputs}
        for index, tensor in enumerate(self.tensors):
            if tensor.producer is not None and index not in self.ops[tensor.producer].outputs:
                raise ValueError(f"tensor {index} is no result of the operation that made it")
            if self.is_looked_at and tensor.reduced is NOT_REDUCED:
                raise ValueError(f"tensor {index} is not reduced in a recording that was looked at")
            if not self.is_looked_at and isinstance(tensor.reduced, Values) and index not in outputs:
                raise ValueError(f"tensor {index} is reduced in a recording that nobody looked at")


# Share of saturated elements from which the values that go in are worth their reduction.
_MOSTLY = 0.9


def calls_for_a_look(
    loss: LossRecord,
    gradients: Iterable[Gradient],
    saturated: Iterable[float | None],
    most: float = DEFAULT_THRESHOLDS.saturated_share,
) -> bool:
    """Whether values must be reduced: something is zero, saturated or not finite.

    Args:
        loss: of the run.
        gradients: of all tensors.
        saturated: of all operations.
        most: the share of saturated elements from which an operation is reported.
    """
    if loss.value is None or any(share is not None and share >= min(most, _MOSTLY) for share in saturated):
        return True
    return any(gradient.state in (GradientState.ZERO, GradientState.NONFINITE) for gradient in gradients)
