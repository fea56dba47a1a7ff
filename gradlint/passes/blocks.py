"""Zero frontier: where a gradient arrives and exactly nothing, or next to nothing, goes on, and why."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.record.recording import Local, OpRecord, Region, VariableRecord
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gradlint.flow import Flow

# Relative slope by finite differences from which a registered gradient of zero counts as wrong.
_WRONG_SLOPE = 1e-2

RECTIFIERS = frozenset({"Relu", "Relu6", "Selu"})
SQUASHERS = frozenset({"Sigmoid", "Tanh", "Softmax", "Softsign", "Erf", "LogSoftmax"})
PRODUCTS = frozenset(
    {"Mul", "MatMul", "BatchMatMulV2", "BatchMatMulV3", "BatchMatMul", "Einsum", "Conv2D", "Conv3D",
     "DepthwiseConv2dNative", "Conv2DBackpropInput", "RealDiv", "DivNoNan"}
)  # fmt: skip
ELEMENTWISE = frozenset({"Mul", "RealDiv", "DivNoNan"})
"""Products that mix no elements."""
STEPS = frozenset({"Sign", "Round", "Rint", "Floor", "Ceil", "FloorDiv", "FloorMod"})
QUANTIZERS = ("FakeQuant", "QuantizeAndDequantize")
"""Operations that pass the gradient of what they round, and give one to their bounds from what they clip."""
JOINERS = frozenset({"ConcatV2", "Pack"})
SLICERS = frozenset({"StridedSlice", "Slice", "GatherV2", "GatherNd", "Split", "SplitV", "Unpack"})
SELECTORS = frozenset({"Maximum", "Minimum", "ClipByValue", "SelectV2", "Select"})


class Why(str, Enum):
    """Why nothing passes through an operation."""

    RECTIFIER = "rectifier"
    SATURATION = "saturation"
    SINGLE_ELEMENT_UNITS = "single element of a unit axis"
    SINGLE_ELEMENT_POOLED = "single element behind a global pool"
    SINGLE_ELEMENT_DATA = "single element of a data axis"
    STEP = "step function"
    CLIPPING = "clipping"
    ZERO_FACTOR = "zero factor"
    ZERO_WEIGHT = "zero weight"
    ZERO_SCHEDULE = "zero non-trainable factor"
    ZERO_ACTIVATION = "zero activation"
    CANCELLATION = "cancellation"
    BOUNDS = "bounds of a quantizer"
    CUSTOM = "custom gradient"
    UNDERFLOW = "underflow"
    LEFT_OUT = "left out"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Block:
    """Operations of one kind in one place through which no gradient passes, and what is behind them.

    Attributes:
        position: the last of the operations in forward order.
        op: the operation at `position`.
        why: the reason.
        inputs: float inputs without a usable gradient, in the sample and in every probe.
        variables: trainable variables without one.
        keys: input keys of any dtype whose every path is blocked.
        in_loss: the operation belongs to the loss.
        is_flat_loss: the loss itself is flat for this sample, as a satisfied margin or a clipped ratio is.
        mismatch: largest relative slope by finite differences where the gradient function says zero.
        share: share of elements that are zero (rectifier) or saturated.
        extreme: largest and smallest value that goes in.
        factor: path of the zero variable for `ZERO_WEIGHT`.
    """

    position: int
    op: OpRecord
    why: Why
    inputs: tuple[str, ...]
    variables: tuple[VariableRecord, ...]
    keys: tuple[str, ...]
    in_loss: bool
    mismatch: float
    share: float | None
    low: float | None
    high: float | None
    factor: VariableRecord | None
    size: int
    is_flat_loss: bool

    def is_wrong(self, lying: frozenset[str]) -> bool:
        """Whether the loss moves with the victims although their gradient is zero.

        Args:
            lying: keys and paths for which finite differences of the loss contradict the zero.
        """
        victims = [*self.inputs, *(variable.path for variable in self.variables)]
        return self.mismatch > _WRONG_SLOPE or (bool(victims) and any(name in lying for name in victims))


def blocks(flow: Flow, probes: Sequence[Flow], lying: frozenset[str] = frozenset()) -> tuple[Block, ...]:
    """Where the gradient becomes zero for good: in the sample's own run and in every probe.

    Args:
        flow: the sample's own run.
        probes: runs on perturbed samples, after one small step of every variable.
        lying: keys and paths whose zero gradient finite differences contradict: they count in any case.
    """
    if flow.recording.loss.tensor is None:
        return ()
    first = lost(flow)
    dead = set(first)
    for probe in probes:
        if probe.recording.failure is None:
            dead &= lost(probe)
    dead |= {victim for victim in first if victim[1] in lying}
    found = []
    claimed: set[tuple[str, str]] = set()
    visited: tuple[set[int], set[int]] = (set(), set())
    # What the blocks nearest to the loss explain is not reported again further up.
    for why, positions in _grouped(flow, {position: _why(flow, position) for position in _stops(flow)}):
        victims = _behind(flow, positions, visited) & dead - claimed
        if not victims:
            continue
        claimed |= victims
        found.append(_block(flow, positions, why, victims))
    return tuple(sorted(found, key=lambda block: block.position))


def blocks_by_form(flow: Flow) -> tuple[Block, ...]:
    """Where a gradient is zero whatever the values are, by the shapes and types of operations alone."""
    if flow.recording.loss.tensor is None:
        return ()
    stops = {
        position: why
        for position, op in enumerate(flow.recording.ops)
        if any(flow.state(index) is GradientState.PRESENT for index in op.outputs)
        and (why := _why_by_form(flow, op)) is not None
    }
    open_way = flow.ancestors([flow.recording.loss.tensor], lambda op, operand: op not in stops)
    sources = [(r.tensor, r.gradient, ("input", r.key)) for r in flow.float_inputs]
    sources += [(v.tensor, v.gradient, ("variable", v.path)) for v in flow.learners]
    dead = {
        tensor: name
        for tensor, gradient, name in sources
        if tensor is not None and gradient.state is GradientState.PRESENT and tensor not in open_way
    }
    found = []
    for why, positions in _grouped(flow, stops):
        behind = flow.ancestors([index for position in positions for index in flow.op(position).inputs])
        victims = {dead.pop(tensor) for tensor in behind & dead.keys()}
        if victims:
            found.append(_block(flow, positions, why, victims))
    return tuple(sorted(found, key=lambda block: block.position))


def _grouped(flow: Flow, stops: Mapping[int, Why]) -> list[tuple[Why, list[int]]]:
    """Stops of one kind in one layer together, those nearest to the loss first."""
    groups: dict[tuple[str, str, Why], list[int]] = {}
    for position, why in stops.items():
        op = flow.op(position)
        groups.setdefault((op.layer, op.type, why), []).append(position)
    nearest = sorted(groups.items(), key=lambda item: -max(item[1]))
    return [(why, positions) for (_, _, why), positions in nearest]


def _why_by_form(flow: Flow, op: OpRecord) -> Why | None:
    if op.type == "Sign":
        return Why.STEP
    if not op.inputs:
        return None
    shape = flow.tensor(op.inputs[0]).shape
    normalises = op.type in ("Softmax", "LogSoftmax") and shape[-1:] == (1,)
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


def is_lost(flow: Flow) -> bool:
    """Whether anything that should learn receives a gradient of zero or next to it."""
    return bool(lost(flow))


def lost(flow: Flow) -> set[tuple[str, str]]:
    """Inputs and variables whose gradient is zero, or passes nowhere but through saturated functions."""
    saturated = {position for position in _stops(flow)}
    open_way = flow.ancestors(
        [flow.recording.loss.tensor] if flow.recording.loss.tensor is not None else [],
        lambda op, operand: op not in saturated or flow.op(op).type not in SQUASHERS,
    )
    found = set()
    for record in flow.float_inputs:
        if record.tensor is None:
            continue
        tiny = record.gradient.state is GradientState.FINITE and record.tensor not in open_way
        if record.gradient.state is GradientState.ZERO or tiny:
            found.add(("input", record.key))
    for variable in flow.learners:
        if variable.tensor is None:
            continue
        tiny = variable.gradient.state is GradientState.FINITE and variable.tensor not in open_way
        if variable.gradient.state is GradientState.ZERO or tiny:
            found.add(("variable", variable.path))
    return found


def _stops(flow: Flow) -> list[int]:
    """Operations at which a gradient arrives and nothing usable goes on from some operand."""
    found = []
    for position, op in enumerate(flow.recording.ops):
        arriving = [flow.tensor(index).gradient for index in op.outputs]
        sizes = [g.largest for g in arriving if g.state is GradientState.FINITE and g.largest]
        if not sizes:
            continue
        for operand, index in enumerate(op.inputs):
            gradient = flow.tensor(index).gradient
            if gradient.state is GradientState.ZERO and op.local[operand] is not Local.PASSES:
                found.append(position)
                break
            if gradient.state is GradientState.ZERO and _cancels(flow, index):
                found.append(position)
                break
            if (op.saturated or 0.0) >= flow.thresholds.saturated_share and gradient.state is GradientState.FINITE:
                found.append(position)
                break
    return found


def _cancels(flow: Flow, tensor: int) -> bool:
    """Whether several non-zero gradients meet at a tensor and add up to exactly zero."""
    passing = 0
    for position, operand in flow.consumers[tensor]:
        op = flow.op(position)
        alive = any(flow.state(output) is GradientState.FINITE for output in op.outputs)
        passing += int(alive and op.local[operand] is Local.PASSES)
    return passing > 1


def _behind(flow: Flow, positions: Sequence[int], visited: tuple[set[int], set[int]]) -> set[tuple[str, str]]:
    """Inputs and variables from which a zero gradient leads to the operations, through tensors without one.

    Args:
        flow: one run.
        positions: of the operations.
        visited: what earlier calls went through, past zero gradients and past finite ones too; left out here,
            and added to.
    """
    starts = {
        index
        for position in positions
        for index in flow.op(position).inputs
        if flow.state(index) in (GradientState.ZERO, GradientState.FINITE)
    }
    starts = {
        index
        for index in starts
        if flow.state(index) is GradientState.ZERO
        or any(flow.op(position).type in SQUASHERS for position, _ in flow.consumers[index] if position in positions)
    }
    # Behind a function that is merely saturated the gradient is tiny, behind the others it is zero.
    usable = {GradientState.ZERO}
    if any((flow.op(position).saturated or 0.0) >= flow.thresholds.saturated_share for position in positions):
        usable.add(GradientState.FINITE)
    past_zero, past_finite = visited
    known = past_finite if GradientState.FINITE in usable else past_zero
    queue = deque(starts - known)
    seen = set(queue)
    while queue:
        tensor = queue.popleft()
        for producer in flow.producers(tensor):
            for index in flow.op(producer).inputs:
                if index not in seen and index not in known and flow.state(index) in usable:
                    seen.add(index)
                    queue.append(index)
    known |= seen
    past_zero |= seen
    found = {("input", r.key) for r in flow.float_inputs if r.tensor in seen}
    return found | {("variable", v.path) for v in flow.learners if v.tensor in seen}


def _block(flow: Flow, positions: Sequence[int], why: Why, victims: set[tuple[str, str]]) -> Block:
    position = max(positions)
    if why is Why.LEFT_OUT:
        position = slicer_after_joining(flow, position) or position
    op = flow.op(position)
    values = [flow.tensor(flow.op(p).inputs[0]).values for p in positions]
    outputs = [flow.tensor(flow.op(p).outputs[0]).values for p in positions]
    total = sum(v.size for v in outputs if v is not None)
    zeros = sum(v.zeros * v.size for v in outputs if v is not None)
    share = zeros / total if why is Why.RECTIFIER and total else None
    variables = tuple(v for v in flow.learners if ("variable", v.path) in victims)
    return Block(
        position,
        op,
        why,
        tuple(r.key for r in flow.float_inputs if ("input", r.key) in victims),
        variables,
        _blocked_keys(flow, victims),
        op.region is Region.LOSS,
        max((flow.op(p).mismatch or 0.0 for p in positions), default=0.0),
        share,
        min((v.minimum for v in values if v is not None), default=None),
        max((v.maximum for v in values if v is not None), default=None),
        _zero_factor(flow, position),
        total,
        _is_flat_loss(flow, position),
    )


def _is_flat_loss(flow: Flow, position: int) -> bool:
    """Whether an operation of the loss compares the prediction with something else of the sample.

    A margin that is satisfied, or a ratio to labels that is clipped, gives zero for this sample and not for the
    next one. A prediction that is clipped by itself stays clipped.
    """
    op, loss = flow.op(position), flow.recording.loss
    if loss.value == 0.0 and loss.kind != "surrogate":
        return True
    if op.region is not Region.LOSS:
        return False
    behind = flow.ancestors(op.inputs)
    outputs = sum(output.tensor in behind for output in flow.recording.outputs)
    return outputs > 1 or any(label.tensor in behind for label in flow.recording.labels)


def _blocked_keys(flow: Flow, victims: set[tuple[str, str]]) -> tuple[str, ...]:
    """Input keys none of whose values reaches the loss through a tensor with a gradient."""
    found = []
    for record in flow.recording.inputs:
        if record.tensor is None or record.tensor not in flow.behind_loss:
            continue
        if ("input", record.key) in victims:
            found.append(record.key)
            continue
        if any(r.key == record.key for r in flow.float_inputs):
            continue
        # For ids: the embedding rows they select must receive a gradient.
        first = _first_floats(flow, record.tensor)
        if first and all(flow.state(index) is GradientState.ZERO for index in first):
            found.append(record.key)
    return tuple(found)


def _first_floats(flow: Flow, start: int) -> set[int]:
    """The first float tensors after an integer input that a trainable variable goes into."""
    found, seen, queue = set(), {start}, deque([start])
    while queue:
        for position, _ in flow.consumers[queue.popleft()]:
            op = flow.op(position)
            for output in op.outputs:
                if output in seen or output not in flow.behind_loss:
                    continue
                seen.add(output)
                if flow.state(output) in (GradientState.ZERO, GradientState.FINITE, GradientState.NONFINITE):
                    found.add(output)
                else:
                    queue.append(output)
    return found


def _why(flow: Flow, position: int) -> Why:
    op = flow.op(position)
    source = flow.tensor(op.inputs[0]) if op.inputs else None
    if op.type in ("Softmax", "LogSoftmax") and source is not None and source.shape and source.shape[-1] == 1:
        return _single_element(flow, op.inputs[0])
    if _is_normalization_of_one(flow, op):
        return _single_element(flow, op.inputs[0])
    if op.type == "CustomGradient" or op.enclosed is not None:
        return Why.CUSTOM
    if op.type.startswith(QUANTIZERS):
        return Why.CLIPPING if flow.state(op.inputs[0]) is GradientState.ZERO else Why.BOUNDS
    if op.type in RECTIFIERS:
        return Why.RECTIFIER
    if op.type in STEPS:
        return Why.STEP
    if op.type in ("Maximum", "Minimum") and _constant_operand(flow, op) is not None:
        return Why.RECTIFIER if op.type == "Maximum" and _constant_operand(flow, op) == 0.0 else Why.CLIPPING
    if op.type in SELECTORS:
        return Why.CLIPPING
    is_half = any(flow.tensor(index).dtype == "float16" for index in (*op.inputs, *op.outputs))
    if op.type in SQUASHERS:
        return Why.UNDERFLOW if is_half and (op.saturated or 0.0) < flow.thresholds.saturated_share else Why.SATURATION
    if op.type in PRODUCTS:
        why = _why_product(flow, op)
        return Why.UNDERFLOW if is_half and why is Why.OTHER else why
    if is_half:
        return Why.UNDERFLOW
    if any(_cancels(flow, index) for index in op.inputs):
        return Why.CANCELLATION
    if slicer_after_joining(flow, position) is not None:
        return Why.LEFT_OUT
    return Why.OTHER


def leaves_out(flow: Flow, position: int) -> bool:
    """Whether an operation takes a part of its operand and leaves another: a slice, a split with a part that rests."""
    op = flow.op(position)
    read = [index in flow.behind_loss for index in op.outputs]
    return op.type in SLICERS and any(read) and not (len(read) > 1 and all(read))


def slicer_after_joining(flow: Flow, position: int) -> int | None:
    """The first operation that leaves out a part of what an operation joined, before anything mixes its parts."""
    joiner = flow.op(position)
    if joiner.type not in JOINERS or not any(flow.state(index) is GradientState.FINITE for index in joiner.outputs):
        return None
    if not any(flow.state(index) is GradientState.ZERO for index in joiner.inputs):
        return None
    seen, queue = set(flow.op(position).outputs), deque(flow.op(position).outputs)
    while queue:
        for consumer, _ in flow.consumers[queue.popleft()]:
            op = flow.op(consumer)
            if leaves_out(flow, consumer):
                return consumer
            if op.type in ELEMENTWISE or op.type not in PRODUCTS:
                fresh = [index for index in op.outputs if index not in seen]
                seen.update(fresh)
                queue.extend(fresh)
    return None


def _why_product(flow: Flow, op: OpRecord) -> Why:
    for operand, index in enumerate(op.inputs[:2]):
        if flow.state(index) is not GradientState.ZERO:
            continue
        factors = [other for number, other in enumerate(op.inputs[:2]) if number != operand]
        for other in factors:
            values = flow.tensor(other).values
            if values is None or values.zeros < 1.0:
                continue
            if _variable_behind(flow, index) is not None:
                return Why.ZERO_ACTIVATION
            variable = _variable_behind(flow, other)
            if variable is not None:
                return Why.ZERO_WEIGHT if variable.trainable else Why.ZERO_SCHEDULE
            return Why.ZERO_FACTOR
    if any(_cancels(flow, index) for index in op.inputs):
        return Why.CANCELLATION
    return Why.OTHER


def _zero_factor(flow: Flow, position: int) -> VariableRecord | None:
    for index in flow.op(position).inputs[:2]:
        values = flow.tensor(index).values
        if values is not None and values.zeros == 1.0:
            variable = _variable_behind(flow, index)
            if variable is not None:
                return variable
    return None


# Operations that only move or convert the values of a variable on their way to where they are used.
CARRIERS = frozenset(
    {"ReadVariableOp", "Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "Transpose", "Split", "SplitV",
     "StridedSlice", "Slice", "Unpack", "BroadcastTo", "GatherV2", "Pack"}
)  # fmt: skip


def _variable_behind(flow: Flow, tensor: int) -> VariableRecord | None:
    """The variable whose values a tensor holds, if it holds nothing else."""
    current = tensor
    while current not in flow.variable_of:
        producer = flow.tensor(current).producer
        if producer is None or flow.op(producer).type not in CARRIERS:
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
    return Why.SINGLE_ELEMENT_POOLED if _is_pooled(flow, tensor) else Why.SINGLE_ELEMENT_DATA


def _is_unit_axis(flow: Flow, tensor: int) -> bool:
    """Whether the last axis of a tensor is one of units: its length comes from a kernel, not from the data."""
    current: int | None = tensor
    is_last = True  # the axis of length 1 is the last of `current`
    for _ in range(12):
        producer = flow.tensor(current).producer if current is not None else None
        if producer is None:
            return False
        op = flow.op(producer)
        if op.type in ("MatMul", "BatchMatMulV2", "Einsum", "Conv2D", "BatchMatMulV3"):
            kernel = _variable_behind(flow, op.inputs[1])
            return is_last and kernel is not None and kernel.shape[-1:] == (1,)
        if op.type in _IN_PLACE:
            current = op.inputs[0]
        elif op.type in ("Reshape", "Squeeze", "ExpandDims", "Transpose"):
            before, after = flow.tensor(op.inputs[0]).shape, flow.tensor(op.outputs[0]).shape
            if op.type == "Transpose" or not is_last or before[-1:] != after[-1:]:
                # Where the axis was is known only if no other has its length.
                if before[1:].count(1) != 1:
                    return False
                is_last = before[-1] == 1
            current = op.inputs[0]
        else:
            return False
    return False


_IN_PLACE = frozenset(
    {"BiasAdd", "AddV2", "Add", "Identity", "Cast", "Mul", "Relu", "Tanh", "Sigmoid", "Sub", "RealDiv"}
)
"""Operations that leave every element where it is."""


def _is_pooled(flow: Flow, tensor: int) -> bool:
    """Whether the model itself makes the axes between the batch and the last one single: by a global pool."""
    if flow.tensor(tensor).shape[:1] == (1,):
        return False  # Statistics over a batch of one look the same.
    for _ in range(12):
        producer = flow.tensor(tensor).producer
        if producer is None or not (op := flow.op(producer)).inputs:
            return False
        before, after = flow.tensor(op.inputs[0]).shape, flow.tensor(tensor).shape
        if op.type in ("Mean", "Max", "Sum") and len(before) == len(after) > 2:
            return set(after[1:-1]) == {1} and set(before[1:-1]) != {1}
        if op.type in PRODUCTS - ELEMENTWISE and len(after) > 2 and set(before[1:-1]) != {1}:
            return False
        tensor = op.inputs[0]
    return False


def _is_normalization_of_one(flow: Flow, op: OpRecord) -> bool:
    """Whether a tensor meets its own mean over one element: subtracting it leaves nothing."""
    for index in op.inputs:
        if flow.state(index) is not GradientState.ZERO:
            continue
        tensor = flow.tensor(index)
        for position, _ in flow.consumers[index]:
            other = flow.op(position)
            if other.type == "Mean" and other.inputs[0] == index:
                output = flow.tensor(other.outputs[0])
                if math.prod(output.shape) == math.prod(tensor.shape):
                    return True
    return False
