"""What single operations do to the gradient, asked from their own gradient functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.record import reduction
from gradlint.record.error_text import in_a_sentence
from gradlint.record.terms import Local, is_float
from gradlint.result import GradientState
from gradlint.upstream import backprop

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.record.ledger import Op
    from gradlint.record.recording import Gradient
    from gradlint.record.trace import Trace

# Tensors above this number of elements are not examined by finite differences.
_MISMATCH_LIMIT = 1 << 16


class Examination:
    """What single operations do to the gradient, asked from their own gradient functions.

    The backward pass tells the state of every tensor. Between a tensor with a gradient and one without, the
    operation itself must be asked: it may be the culprit, or it may pass on a tensor that somebody else cut.
    """

    def __init__(self, trace: Trace, slopes: Mapping[int, Any], reduced: Mapping[int, Gradient]) -> None:
        self._trace = trace
        self._slopes = slopes
        self._reduced = reduced
        marked = set(slopes)
        for op in trace.ops:
            if any(index in marked for index in op.inputs):
                marked.update(op.outputs)
        self._marked = marked
        self._finite = {index for index, gradient in reduced.items() if gradient.state is GradientState.FINITE}

    def _state(self, index: int) -> GradientState:
        tensor = self._trace.tensors[index]
        if tensor is None:
            return GradientState.ABSENT
        if not is_float(tensor.dtype.name) and tensor.dtype != tf.resource:
            return GradientState.NOT_APPLICABLE
        gradient = self._reduced.get(index)
        return gradient.state if gradient is not None else GradientState.ABSENT

    def of(self, position: int) -> tuple[tuple[Local, ...], str | None, float | None]:
        """Local gradients of one operation, an error's text, and the finite-difference mismatch."""
        op = self._trace.ops[position]
        unasked = (Local.UNASKED,) * len(op.inputs)
        if not any(index in self._marked for index in op.inputs):
            return unasked, None, None
        if op.error is None and self._finite.issuperset(op.inputs) and self._finite.issuperset(op.outputs):
            return unasked, None, None
        incoming = [self._state(index) for index in op.inputs]
        outgoing = [self._state(index) for index in op.outputs]
        marked = [index in self._marked for index in op.inputs]
        absent = any(
            flag and state in (GradientState.ABSENT, GradientState.NOT_APPLICABLE)
            for flag, state in zip(marked, incoming, strict=True)
        )
        alive = [state for state in outgoing if state in (GradientState.FINITE, GradientState.NONFINITE)]
        zero = bool(alive) and GradientState.ZERO in incoming
        born = (
            GradientState.NONFINITE in incoming
            and GradientState.NONFINITE not in outgoing
            and any(state in (GradientState.FINITE, GradientState.ZERO) for state in outgoing)
        )
        if op.error is not None:
            return (Local.RAISES,) * len(op.inputs), op.error, None
        if op.is_pseudo or not (absent or zero or born):
            return unasked, None, None
        return self._ask(op, use_real=zero or born)

    def _ask(self, op: Op, *, use_real: bool) -> tuple[tuple[Local, ...], str | None, float | None]:
        tensors = self._trace.tensors
        inputs = [tensors[index] for index in op.inputs]
        outputs = [tensors[index] for index in op.outputs]
        unasked = (Local.UNASKED,) * len(inputs)
        if op.type == "ReadVariableOp" or any(tensor is None for tensor in [*inputs, *outputs]):
            return unasked, None, None
        if not any(is_float(tensor.dtype.name) or tensor.dtype == tf.variant for tensor in outputs):
            return (Local.NONE,) * len(inputs), None, None
        slopes = [
            self._slopes.get(index)
            if use_real
            else tf.cast(tf.ones(tensors[index].shape), tensors[index].dtype)  # `ones_like` knows no float8.
            if is_float(tensors[index].dtype.name)
            else None
            for index in op.outputs
        ]
        try:
            results = backprop.local_gradients(op.type, op.attributes, inputs, outputs, slopes)
        except LookupError as error:
            return (Local.UNREGISTERED,) * len(inputs), str(error), None
        except Exception as error:
            return (Local.RAISES,) * len(inputs), in_a_sentence(error), None
        local = tuple(
            _local_of(result, operand, exact=use_real) for result, operand in zip(results, inputs, strict=False)
        )
        mismatch = None
        if use_real and Local.ZERO in local:
            mismatch = self._mismatch(op, inputs, outputs, slopes, local.index(Local.ZERO))
        return local, None, mismatch

    def _mismatch(self, op: Op, inputs: list[Any], outputs: list[Any], slopes: list[Any], operand: int) -> float | None:
        """How strongly the output moves although the gradient function says it does not."""
        tensor = inputs[operand]
        if not is_float(tensor.dtype.name) or int(tf.size(tensor)) > _MISMATCH_LIMIT or int(tf.size(tensor)) == 0:
            return None
        generator = np.random.default_rng(0)
        scale = float(tf.reduce_max(tf.abs(tf.cast(tensor, tf.float32)))) or 1.0
        direction = tf.cast(tf.constant(generator.normal(size=tensor.shape)), tensor.dtype)
        moves = []
        for step in (1e-3, 2e-3):
            shifted = list(inputs)
            shifted[operand] = tensor + tf.cast(step * scale, tensor.dtype) * direction
            try:
                moved = backprop.execute(op.type, op.attributes, shifted, len(outputs))
            except Exception:
                return None
            change = sum(
                float(tf.reduce_sum(tf.cast((new - old) * tf.convert_to_tensor(slope), tf.float32)))
                for new, old, slope in zip(moved, outputs, slopes, strict=True)
                if slope is not None
            )
            moves.append(change / step)
        size = (
            sum(float(tf.norm(tf.cast(tf.convert_to_tensor(s), tf.float32))) for s in slopes if s is not None) * scale
        )
        # A slope is the same at both steps; a jump (rounding) or noise is not.
        if (
            size == 0
            or not np.all(np.isfinite(moves))
            or abs(moves[0] - moves[1]) > 0.3 * max(abs(moves[0]), abs(moves[1]))
        ):
            return 0.0
        return abs(moves[0]) / size


def _local_of(result: Any, operand: Any, *, exact: bool) -> Local:
    if result is None:
        return Local.NONE
    # A py_function without a gradient inside answers with a scalar 0.0, whatever the shape of its operand.
    if (
        not isinstance(result, tf.IndexedSlices)
        and operand.dtype != tf.resource
        and not result.shape.is_compatible_with(operand.shape)
    ):
        return Local.NONE
    if not exact:
        return Local.PASSES
    match reduction.gradient_of(result).state:
        case GradientState.ZERO:
            return Local.ZERO
        case GradientState.NONFINITE:
            return Local.NONFINITE
        case _:
            return Local.PASSES
