"""Why a gradient that arrives at an operation does not pass through it."""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.operations import CUSTOM_GRADIENT, Trait, has
from gradlint.passes.slicing import slicer_after_joining
from gradlint.passes.stops import cancels
from gradlint.record.terms import Region
from gradlint.result import GradientState

if TYPE_CHECKING:
    from gradlint.flow import Flow
    from gradlint.record.recording import OpRecord, VariableRecord


class Why(str, Enum):
    """Why nothing passes through an operation."""

    RECTIFIER = "rectifier"
    SATURATION = "saturation"
    SINGLE_ELEMENT_UNITS = "single element of a unit axis"
    SINGLE_ELEMENT_POOLED = "single element behind a global pool"
    SINGLE_ELEMENT_DATA = "single element of a data axis"
    SINGLE_ROW = "statistics over a single row"
    STEP = "step function"
    CLIPPING = "clipping"
    ZERO_FACTOR = "zero factor"
    NO_WEIGHT = "weights of the rows"
    ZERO_WEIGHT = "zero weight"
    ZERO_SCHEDULE = "zero non-trainable factor"
    ZERO_ACTIVATION = "zero activation"
    ZERO_CONSTANT = "zero constant"
    ZEROED = "zeroed data"
    CANCELLATION = "cancellation"
    BOUNDS = "bounds of a quantizer"
    CUSTOM = "custom gradient"
    UNDERFLOW = "underflow"
    LEFT_OUT = "left out"
    ROUNDING = "rounding"
    OTHER = "other"


def why_of(flow: Flow, position: int) -> Why:
    """Why an operation at which a gradient arrives hands on nothing usable, by what was seen in the run."""
    op = flow.op(position)
    source = flow.tensor(op.inputs[0]) if op.inputs else None
    if has(op.type, Trait.NORMALISES) and source is not None and source.shape and source.shape[-1] == 1:
        return _single_element(flow, op.inputs[0])
    if (normalized := normalized_single(flow, position)) is not None:
        return _single_element(flow, normalized)
    if op.type == CUSTOM_GRADIENT or op.enclosed is not None:
        return Why.CUSTOM
    if has(op.type, Trait.QUANTIZES):
        return Why.CLIPPING if flow.state(op.inputs[0]) is GradientState.ZERO else Why.BOUNDS
    if has(op.type, Trait.RECTIFIES):
        return Why.ZERO_WEIGHT if zero_kernel_before(flow, op.inputs[0]) is not None else Why.RECTIFIER
    if has(op.type, Trait.STEPS):
        return Why.STEP
    if has(op.type, Trait.BOUNDS) and _constant_operand(flow, op) is not None:
        return Why.RECTIFIER if op.type == "Maximum" and _constant_operand(flow, op) == 0.0 else Why.CLIPPING
    if has(op.type, Trait.SELECTS):
        return Why.CLIPPING
    is_half = any(flow.tensor(index).dtype == "float16" for index in (*op.inputs, *op.outputs))
    if has(op.type, Trait.SQUASHES):
        return Why.UNDERFLOW if is_half and (op.saturated or 0.0) < flow.thresholds.saturated_share else Why.SATURATION
    if has(op.type, Trait.MULTIPLIES):
        why = _why_product(flow, op)
        return Why.UNDERFLOW if is_half and why is Why.OTHER else why
    if is_half:
        return Why.UNDERFLOW
    if op.type == "Square" and zero_factor(flow, position) is not None:
        return Why.ZERO_WEIGHT  # A product with itself.
    if any(cancels(flow, index) for index in op.inputs):
        return Why.CANCELLATION
    if slicer_after_joining(flow, position) is not None:
        return Why.LEFT_OUT
    return Why.OTHER


def _why_product(flow: Flow, op: OpRecord) -> Why:
    for operand, index in enumerate(op.inputs[:2]):
        if flow.state(index) is not GradientState.ZERO:
            continue
        factors = [other for number, other in enumerate(op.inputs[:2]) if number != operand]
        for other in factors:
            values = flow.tensor(other).values
            if values is None or values.zeros < 1.0:
                continue
            variable = _zeros_behind(flow, other)
            if variable is not None:
                return Why.ZERO_WEIGHT if variable.trainable else Why.ZERO_SCHEDULE
            if variable_behind(flow, index) is not None:
                if not flow.keys_behind_tensor(other) and not flow.ancestors([other]) & flow.variable_of.keys():
                    return Why.ZERO_CONSTANT
                return Why.ZERO_WEIGHT if zero_kernel_before(flow, other) is not None else Why.ZERO_ACTIVATION
            start = flow.recording.start if op.region is Region.LOSS else None
            is_weight = start is not None and any(data.is_weight for data in start.data)
            return Why.NO_WEIGHT if is_weight else Why.ZERO_FACTOR
    if any(cancels(flow, index) for index in op.inputs):
        return Why.CANCELLATION
    return Why.OTHER


def why_by_form(flow: Flow, op: OpRecord) -> Why | None:
    """Why an operation hands on nothing whatever the values are; None where that depends on them."""
    if op.type == "Sign":
        return Why.STEP
    if not op.inputs:
        return None
    shape = flow.tensor(op.inputs[0]).shape
    normalises = has(op.type, Trait.NORMALISES) and shape[-1:] == (1,)
    if not normalises and not (op.type == "Sub" and _is_own_mean(flow, op)):
        return None
    return _single_element(flow, op.inputs[0])


def _is_own_mean(flow: Flow, op: OpRecord) -> bool:
    """Whether an operation takes from a tensor its mean over one element."""
    value, mean = op.inputs
    makers = [flow.op(position) for position in flow.producers(mean)]
    shapes = flow.tensor(value).shape, flow.tensor(mean).shape
    known = all(length >= 0 for shape in shapes for length in shape)
    return (
        known
        and math.prod(shapes[0]) == math.prod(shapes[1])
        and any(m.type == "Mean" and m.inputs[0] == value for m in makers)
    )


def normalized_single(flow: Flow, position: int) -> int | None:
    """The tensor from which its own mean over one element is taken: at an operation, or before a rectifier of zeros.

    What such a normalization leaves is zero, and so the rectifier behind it, which is nearer to the loss, is closed.
    """
    op = flow.op(position)
    candidates = [*op.inputs, *(index for mean in op.inputs for index in _averaged(flow, mean))]
    found = next((index for index in candidates if _meets_own_mean(flow, index)), None)
    if found is not None or not has(op.type, Trait.RECTIFIES) or not flow.is_all_zero(op.inputs[0]):
        return found
    maker = flow.tensor(op.inputs[0]).producer
    layer = flow.op(maker).layer if maker is not None else ""
    while maker is not None and layer and flow.op(maker).layer == layer:
        index = flow.op(maker).inputs[0]
        if _meets_own_mean(flow, index):
            return index
        maker = flow.tensor(index).producer
    return None


def _averaged(flow: Flow, mean: int) -> tuple[int, ...]:
    """What a tensor is the mean of, whatever its form."""
    position = flow.tensor(mean).producer
    while position is not None and has(flow.op(position).type, Trait.REARRANGES):
        position = flow.tensor(flow.op(position).inputs[0]).producer
    return flow.op(position).inputs[:1] if position is not None and flow.op(position).type == "Mean" else ()


def _meets_own_mean(flow: Flow, index: int) -> bool:
    """Whether a tensor without a gradient meets its own mean over one element: subtracting it leaves nothing.

    Of the errors of a loss, only the mean is read.
    """
    if flow.state(index) is not GradientState.ZERO:
        return False
    size = math.prod(flow.tensor(index).shape)
    others = [flow.op(position) for position, _ in flow.consumers[index]]
    means = [
        other.type == "Mean" and other.inputs[0] == index and math.prod(flow.tensor(other.outputs[0]).shape) == size
        for other in others
    ]
    return any(means) and not all(means)


def zero_factor(flow: Flow, position: int) -> VariableRecord | None:
    """The variable of zeros that an operation multiplies by, or that made its operand zero."""
    operands = [index for index in flow.op(position).inputs[:2] if flow.is_all_zero(index)]
    found = [variable for index in operands if (variable := _zeros_behind(flow, index)) is not None]
    found += [variable for index in operands if (variable := zero_kernel_before(flow, index)) is not None]
    return found[0] if found else None


def _zeros_behind(flow: Flow, tensor: int) -> VariableRecord | None:
    """The variable whose values, or sums of them, a tensor of zeros holds."""
    found = variable_behind(flow, tensor)
    while found is None and (producer := flow.tensor(tensor).producer) is not None:
        op = flow.op(producer)
        if not (has(op.type, Trait.REDUCES) or has(op.type, Trait.MOVES)) or not flow.is_all_zero(op.inputs[0]):
            return None
        tensor = op.inputs[0]
        found = variable_behind(flow, tensor)
    return found


_MOST_STEPS = 6
"""How far back a kernel is looked for: its bias, a rectifier, a reshape lie between."""


def zero_kernel_before(flow: Flow, tensor: int) -> VariableRecord | None:
    """The trainable kernel of zeros that makes a tensor zero, whatever goes into its layer."""
    for _ in range(_MOST_STEPS):
        producer = flow.tensor(tensor).producer
        if producer is None or not flow.is_all_zero(tensor):
            return None
        op = flow.op(producer)
        if has(op.type, Trait.MIXES_UNITS):
            kernel = variable_behind(flow, op.inputs[1]) if flow.is_all_zero(op.inputs[1]) else None
            return kernel if kernel is not None and kernel.trainable else None
        if not any(has(op.type, trait) for trait in (Trait.RECTIFIES, Trait.MOVES, Trait.ADDS)):
            return None
        tensor = op.inputs[0]
    return None


def variable_behind(flow: Flow, tensor: int) -> VariableRecord | None:
    """The variable whose values a tensor holds, if it holds nothing else."""
    current = tensor
    while current not in flow.variable_of:
        producer = flow.tensor(current).producer
        if producer is None or not has(flow.op(producer).type, Trait.MOVES):
            return None
        op = flow.op(producer)
        current = op.inputs[1] if op.type == "Split" else op.inputs[0]
    return flow.variable_of[current]


def _constant_operand(flow: Flow, op: OpRecord) -> float | None:
    """The value of a scalar constant operand."""
    for index in op.inputs:
        tensor = flow.tensor(index)
        if tensor.producer is None and tensor.shape == () and tensor.values is not None:
            return tensor.values.minimum
    return None


def _single_element(flow: Flow, tensor: int) -> Why:
    """Who leaves a single element to normalize."""
    if _is_unit_axis(flow, tensor):
        return Why.SINGLE_ELEMENT_UNITS
    shape = flow.tensor(tensor).shape
    if len(shape) == 2 and shape[0] == 1 != shape[1]:
        return Why.SINGLE_ROW
    return Why.SINGLE_ELEMENT_POOLED if _is_pooled(flow, tensor) else Why.SINGLE_ELEMENT_DATA


def _is_unit_axis(flow: Flow, tensor: int) -> bool:
    """Whether the last axis of a tensor is one of units: the model fixes its length, not the data.

    Either a kernel gives it, seen through whatever leaves every element where it is, or the layer that normalizes has
    a weight for its only unit.
    """
    if flow.tensor(tensor).shape[:1] != (1,) and flow.tensor(tensor).shape[-1:] == (1,):
        users = {flow.op(position).layer for position, _ in flow.consumers[tensor]}
        if any(v.shape == (1,) and v.layer and v.layer in users for v in flow.recording.variables):
            return True
    current: int | None = tensor
    is_last = True  # the axis of length 1 is the last of `current`
    for _ in range(_MOST_STEPS_TO_KERNEL):
        producer = flow.tensor(current).producer if current is not None else None
        if producer is None:
            return False
        op = flow.op(producer)
        if has(op.type, Trait.MIXES_UNITS):
            kernel = variable_behind(flow, op.inputs[1])
            return is_last and kernel is not None and kernel.shape[-1:] == (1,)
        if is_last and _makes_single(flow, op):
            return True
        if has(op.type, Trait.REARRANGES):
            before, after = flow.tensor(op.inputs[0]).shape, flow.tensor(op.outputs[0]).shape
            if op.type == "Transpose" or not is_last or before[-1:] != after[-1:]:
                # Where the axis was is known only if no other has its length.
                if before[1:].count(1) != 1:
                    return False
                is_last = before[-1] == 1
            current = op.inputs[0]
            continue
        # A mask, a bias, a residual, an activation: what comes from the data in the same form.
        shape = flow.tensor(op.outputs[0]).shape
        current = next(
            (
                i
                for i in op.inputs
                if flow.tensor(i).shape == shape and flow.tensor(i).is_float and flow.keys_behind_tensor(i)
            ),
            None,
        )
    return False


def _makes_single(flow: Flow, op: OpRecord) -> bool:
    """Whether an operation gives its result a last axis of one element, whatever data come in."""
    before, after = (flow.tensor(index).shape for index in (op.inputs[0], op.outputs[0]))
    if after[-1:] != (1,) or before == after or not before:
        return False
    if before == after[:-1]:
        return 1 not in before[1:]  # A new axis; of those that were there, others may be normalized with it.
    chooses = any(has(op.type, trait) for trait in (Trait.REDUCES, Trait.SLICES, Trait.RANKS))
    told = all(flow.tensor(index).producer is None for index in op.inputs[1:])
    return chooses and told and not has(op.type, Trait.LOOKS_UP) and len(before) == len(after) and before[-1] != 1


_MOST_STEPS_TO_KERNEL = 24
"""How far back the kernel that makes an axis is looked for: a gelu alone is eight operations."""


def _mixes(op: OpRecord) -> bool:
    """Whether an operation multiplies and mixes elements, as a kernel does."""
    return has(op.type, Trait.MULTIPLIES) and not has(op.type, Trait.ELEMENT_BY_ELEMENT)


def _is_pooled(flow: Flow, tensor: int) -> bool:
    """Whether the model itself makes the axes between the batch and the last one single: by a global pool."""
    if flow.tensor(tensor).shape[:1] == (1,):
        return False  # Statistics over a batch of one look the same.
    for _ in range(12):
        producer = flow.tensor(tensor).producer
        if producer is None or not (op := flow.op(producer)).inputs:
            return False
        before, after = flow.tensor(op.inputs[0]).shape, flow.tensor(tensor).shape
        if has(op.type, Trait.REDUCES) and len(before) == len(after) > 2:
            return set(after[1:-1]) == {1} and set(before[1:-1]) != {1}
        if _mixes(op) and len(after) > 2 and set(before[1:-1]) != {1}:
            return False
        tensor = op.inputs[0]
    return False
