"""Where the samples of a batch begin to influence each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.record import internals, tensors
from gradlint.record.recording import Leak
from gradlint.record.trace import SHAPE_READERS, Op, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.record.objective import Batch
    from gradlint.record.run import Run


def leak_of(run: Run) -> Leak | None:
    """Compare the rows of every tensor with the row of the output they reach."""
    trace = run.trace
    batch = run.batch()
    sizes = {int(t.shape[0]) for t in batch.inputs.values() if t.shape.rank}
    if len(sizes) != 1 or min(sizes) < 2 or run.subject.model is None:
        return None
    size = sizes.pop()
    floats, _ = run.watched(batch)
    variables = [internals.tf_variable(v) for v in run.learning()]
    for part in [p for tensor in batch.inputs.values() for p in tensors.components(tensor)]:
        trace.index(part)
    # The first and the last sample: a reshape that moves rows leaves one of them where it was.
    rows = (size - 1, 0)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        for value in floats.values():
            tape.watch(value)
        for variable in variables:
            tape.watch(variable)
        try:
            with trace.recording():
                outputs = run.call_model(batch)
        except Exception:
            return None
        totals = [_projected_row(outputs, row, size) for row in rows]
    handles = [variable.handle for variable in variables]
    indices = [i for i in run.reached([*floats.values()], handles) if trace.tensors[i].dtype != tf.resource]
    for row, total in zip(rows, totals, strict=True):
        if total is None:
            return None
        slopes = internals.gradients(tape, total, [trace.tensors[i] for i in indices])
        leak = _leak_at(run, batch, dict(zip(indices, slopes, strict=True)), size, row)
        if leak is not None:
            return leak
    return None


def _leak_at(run: Run, batch: Batch, slopes: Mapping[int, Any], size: int, row: int) -> Leak | None:
    """The first operation that takes other samples' rows in and gives only this sample's row out."""
    trace = run.trace
    others: dict[int, tuple[int, ...]] = {}
    for index, slope in slopes.items():
        tensor = trace.tensors[index]
        if slope is None or isinstance(slope, tf.IndexedSlices) or not tensor.shape.rank or tensor.shape[0] != size:
            continue
        found = _other_rows(slope, size, row)
        if found:
            others[index] = found
    from_data: set[int] = set()
    for tensor in batch.inputs.values():
        from_data.update(trace.index(part) for part in tensors.components(tensor))
    for op in trace.ops:
        if any(index in from_data for index in op.inputs) and op.type not in SHAPE_READERS:
            from_data.update(op.outputs)
    for op in trace.ops:
        if op.enclosed is not None or op.is_pseudo or any(index in others for index in op.outputs):
            continue
        for operand, index in enumerate(op.inputs):
            if index in others and index in from_data and _mixes(run.trace, op, operand, slopes, others, size, row):
                culprit = _after_transposes(run.trace, op)
                keys = run.keys_behind([index], batch)
                return Leak(
                    culprit.type,
                    culprit.layer,
                    culprit.file,
                    culprit.line,
                    keys[0] if keys else "",
                    row,
                    others[index],
                )
    return None


def _mixes(
    trace: Trace,
    op: Op,
    operand: int,
    slopes: Mapping[int, Any],
    others: Mapping[int, Any],
    size: int,
    row: int,
) -> bool:
    """Whether other samples come in through one operand of an operation and only one sample comes out.

    Where the operation takes the batch axis apart, its result is followed until there is a batch axis again.
    """
    alive = [index for index in op.outputs if slopes.get(index) is not None]
    if not alive:
        return False
    if all(trace.tensors[index].shape.rank and trace.tensors[index].shape[0] == size for index in alive):
        operands = [trace.tensors[index] for index in op.inputs]
        outputs = [trace.tensors[index] for index in op.outputs]
        try:
            local = internals.local_gradients(
                op.type, op.attributes, operands, outputs, [slopes.get(index) for index in op.outputs]
            )
        except Exception:
            return False
        slope = local[operand]
        return slope is not None and not isinstance(slope, tf.IndexedSlices) and bool(_other_rows(slope, size, row))
    seen, queue = set(alive), list(alive)
    restored = False
    while queue:
        index = queue.pop()
        for later in trace.ops:
            if index not in later.inputs or later.type in SHAPE_READERS:
                continue
            for output in later.outputs:
                if output in seen or slopes.get(output) is None:
                    continue
                seen.add(output)
                shape = trace.tensors[output].shape
                if not shape.rank or shape[0] != size:
                    queue.append(output)
                elif output in others:
                    return False
                else:
                    restored = True
    return restored


def _after_transposes(trace: Trace, op: Op) -> Op:
    """Moving the batch axis away, or back, is harmless by itself; what works along it meanwhile is not."""
    if op.type == "Transpose":
        before = trace.producers[op.inputs[0]]
        if before is not None:
            maker = trace.ops[before]
            origin = trace.producers[maker.inputs[0]] if maker.inputs else None
            if origin is not None and trace.ops[origin].type == "Transpose":
                return maker
    while op.type == "Transpose":
        following = [later for later in trace.ops if op.outputs[0] in later.inputs]
        if not following:
            return op
        op = following[0]
    return op


def _other_rows(slope: Any, size: int, row: int) -> tuple[int, ...]:
    """The samples but one that a gradient belongs to."""
    array = internals.array_of(slope)
    if array.size % size or array.shape[:1] != (size,):
        return ()
    used = np.any(array.reshape(size, -1) != 0, axis=1)
    return tuple(int(i) for i in np.flatnonzero(used) if i != row)


def _projected_row(outputs: Any, row: int, size: int) -> Any | None:
    """A random projection of one sample's outputs."""
    total: Any = None
    generator = np.random.default_rng(0)
    for output in keras.tree.flatten(outputs):
        if not internals.is_eager(output) or not output.dtype.is_floating:
            continue
        # A matrix of all pairs, as in contrastive retrieval, compares samples on purpose.
        if output.shape.rank == 0 or output.shape[0] != size or size in output.shape[1:]:
            continue
        values = tf.cast(output[row], tf.float32)
        part = tf.reduce_sum(values * generator.normal(size=values.shape).astype("float32"))
        total = part if total is None else total + part
    return total
