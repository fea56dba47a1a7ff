"""Where slices that must not know of each other begin to mix: samples of a batch, or steps of a sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.experiments.taped import from_data
from gradlint.operations import Trait, has
from gradlint.record.leak import Leak
from gradlint.record.tensors import shape_of
from gradlint.upstream import backprop, eager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gradlint.record.ledger import Op
    from gradlint.record.objective import Batch
    from gradlint.record.run import Run
    from gradlint.record.trace import Trace


_ROUNDING = 1e-6
"""Relative difference up to which floats are the same."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """One slice of the outputs, and which slices of a tensor it must not depend on.

    Attributes:
        axis: the axis along which slices are kept apart.
        size: its length; a tensor of another length along the axis has no such slices.
        at: index of the slice.
        is_causal: the slice may depend on those before it.
        is_anywhere: slices are also looked for along other axes, and in those that they were folded into.
    """

    axis: int
    size: int
    at: int
    is_causal: bool = False
    is_anywhere: bool = False

    def is_in(self, tensor: Any) -> bool:
        """Whether the slices lie along their own axis."""
        rank = tensor.shape.rank
        return rank is not None and rank > self.axis and tensor.shape[self.axis] == self.size

    def is_kept_apart(self, tensor: Any) -> bool:
        """Whether the slices still lie along their axis, or may lie along another."""
        return bool(self._views(shape_of(tensor)))

    def foreign(self, slope: Any) -> tuple[int, ...]:
        """The forbidden slices that a gradient belongs to; none where any way to tell slices apart has none."""
        array = eager.array_of(slope)
        found: tuple[int, ...] = ()
        for shape in self._views(array.shape):
            used = np.flatnonzero((array.reshape(shape) != 0).any(axis=(0, 2)))
            found = tuple(int(i) for i in used if (i > self.at if self.is_causal else i != self.at))
            if not found:
                return ()
        return found

    def _views(self, shape: tuple[int, ...]) -> list[tuple[int, int, int]]:
        """How elements are seen as slices between what is before and behind: by their own axis, or by any."""
        if len(shape) > self.axis and shape[self.axis] == self.size:
            own: Sequence[int] = (self.axis,)
        elif not self.is_anywhere:
            return []
        else:
            own = [axis for axis, length in enumerate(shape) if length and length % self.size == 0]
        views = []
        for axis in own:
            before, behind = math.prod(shape[:axis]), math.prod(shape[axis + 1 :])
            folded = shape[axis] // self.size
            views.append((before, self.size, folded * behind))
            if folded > 1:
                views.append((before * folded, self.size, behind))
        return views

    def projected(self, outputs: Any) -> Any | None:
        """A random projection of this slice of the outputs; None when no output has it."""
        total: Any = None
        generator = np.random.default_rng(0)
        for output in keras.tree.flatten(outputs):
            if not eager.is_eager(output) or not output.dtype.is_floating or not self.is_in(output):
                continue
            # A matrix of all pairs, as in contrastive retrieval, compares samples on purpose.
            if self.axis == 0 and self.size in output.shape[1:]:
                continue
            values = tf.cast(tf.gather(output, self.at, axis=self.axis), tf.float32)
            part = tf.reduce_sum(values * generator.normal(size=values.shape).astype("float32"))
            total = part if total is None else total + part
        return total


def mixing_of_samples(run: Run, at: int) -> Leak | None:
    """The operation at which the output of one sample begins to depend on another sample, by gradients.

    Args:
        run: in inference mode.
        at: the sample whose output is known to depend on others; both ends are looked at, since a reshape that
            moves rows leaves one of them where it was.
    """
    batch = run.batch()
    size = next(int(tensor.shape[0]) for tensor in batch.inputs.values() if tensor.shape.rank)
    places = dict.fromkeys((at, size - 1, 0))
    return _leak(run, batch, list(batch.inputs), [_Slice(0, size, place) for place in places])


def is_by_state(run: Run, at: int) -> bool:
    """Whether samples know of each other only by what the model writes to its state, in inference mode, too.

    Args:
        run: in inference mode.
        at: a sample whose output is known to depend on others.
    """
    batch = run.batch()
    size = next(int(tensor.shape[0]) for tensor in batch.inputs.values() if tensor.shape.rank)
    mixing = _leak(run, batch, list(batch.inputs), [_Slice(0, size, at)], _writers)
    written = _written(run.trace)
    return mixing is None and bool(written & from_data(run.trace, batch, batch.inputs))


def _written(trace: Trace) -> set[int]:
    """The tensors that are assigned to variables, also before they were detached for it."""
    found = {index for op in trace.ops if has(op.type, Trait.ASSIGNS) for index in op.inputs[1:]}
    for op in reversed(trace.ops):
        if (has(op.type, Trait.STOPS) or has(op.type, Trait.KEEPS_VALUES)) and not found.isdisjoint(op.outputs):
            found.update(op.inputs)
    return found


def _writers(trace: Trace) -> frozenset[int]:
    """The ids of the attributes of the operations that make what is assigned: a tape keeps the very tuples."""
    written = _written(trace)
    return frozenset(id(op.attributes) for op in trace.ops if not op.is_pseudo and not written.isdisjoint(op.outputs))


def mixing_of_steps(run: Run, key: str, axis: int) -> Leak | None:
    """The operation at which an output at one step begins to depend on a later step of an input, by gradients.

    Args:
        run: in inference mode.
        key: of the input.
        axis: of its steps; the outputs have them along the same axis.
    """
    batch = run.batch()
    size = int(batch.inputs[key].shape[axis])
    return _leak(run, batch, [key], [_Slice(axis, size, at, True) for at in sorted({0, size // 2})])


def _leak(
    run: Run,
    batch: Batch,
    keys: Sequence[str],
    slices: Sequence[_Slice],
    closed: Callable[[Trace], frozenset[int]] = lambda trace: frozenset(),
) -> Leak | None:
    trace = run.trace
    floats, _ = run.watched(batch)
    run.introduce(batch)
    handles = [eager.handle_of(variable) for variable in run.learning()]
    with backprop.taped([*floats.values(), *handles]) as tape:
        try:
            with trace.recording():
                outputs = run.call_model(batch)
        except Exception:
            return None  # The run in training mode has told what is wrong.
        totals = [piece.projected(outputs) for piece in slices]
    indices = [i for i in run.reached(list(floats.values()), handles) if trace.tensors[i].dtype != tf.resource]
    behind, shut = from_data(trace, batch, keys), closed(trace)
    for piece, total in zip(slices, totals, strict=True):
        if total is None:
            continue
        sources = [trace.tensors[i] for i in indices]
        slopes = backprop.gradients(tape, total, sources, passing=lambda attributes, _: id(attributes) not in shut)
        by_index = dict(zip(indices, slopes, strict=True))
        found = _first(trace, piece, by_index, behind)
        if found is not None and has(found[0].type, Trait.JOINS):
            # It has put the slices side by side along another axis: who mixes them there?
            found = _first(trace, replace(piece, is_anywhere=True), by_index, behind) or found
        if found is not None:
            op, index, others = found
            own = [key for key in run.keys_behind([index], batch) if key in keys]
            return Leak(op.type, op.layer, op.file, op.line, own[0] if own else "", piece.at, others)
    return None


def first_difference(run: Run, moved: Run, at: int, axis: int, size: int) -> Leak | None:
    """The operation at which an output's slice first differs between two runs whose inputs agree there.

    Slower than gradients, and it sees what has none: ids, sorting, Python. A result without the axis (a mean over
    it) cannot be compared; the operation that made it is named when its result is what differs later.

    Args:
        run: on the sample.
        moved: on the inputs that make the output move.
        at: index of the slice.
        axis: of the slices.
        size: the axis's length.
    """
    traced, first, second = _trace(run), run.trace, moved.trace
    if traced is None or _trace(moved) is None or [op.type for op in first.ops] != [op.type for op in second.ops]:
        return None
    batch, outputs = traced
    useful = _ancestors(first, outputs)
    differing: set[int] = set()  # tensors whose slice differs, and tensors without the axis that differ at all
    kept = [slice(None)] * axis + [slice(0, at + 1) if axis else at]
    for op, other in zip(first.ops, second.ops, strict=True):
        for index, twin in zip(op.outputs, other.outputs, strict=False):
            if index not in useful:
                continue
            one, two = first.tensors[index], second.tensors[twin]
            if one is None or two is None or one.shape != two.shape or one.dtype.name in ("resource", "variant"):
                continue
            values, moved_values = eager.array_of(one), eager.array_of(two)
            has_axis = one.shape.rank > axis and one.shape[axis] == size
            if has_axis:
                values, moved_values = values[tuple(kept)], moved_values[tuple(kept)]
            if _agree(values, moved_values):
                continue
            if has_axis and not has(op.type, Trait.READS_SHAPE):
                culprit = _maker(first, op, differing)
                key = next(iter(run.keys_behind(op.inputs, batch)), "")
                single = all(first.tensors[i] is not None and first.tensors[i].shape.rank == 0 for i in culprit.outputs)
                place = culprit.file, culprit.line
                return Leak(culprit.type, culprit.layer, *place, key, at, (), is_number=single)
            differing.add(index)
    return None


def _agree(one: Any, two: Any) -> bool:
    """Whether elements are the same, but for the order in which a device adds."""
    if not np.issubdtype(one.dtype, np.floating):
        return np.array_equal(one, two)
    return np.allclose(one, two, rtol=_ROUNDING, atol=_ROUNDING * np.max(np.abs(one), initial=0.0), equal_nan=True)


def _ancestors(trace: Trace, outputs: Any) -> set[int]:
    """Tensors that lead to the outputs, and these themselves."""
    found = {trace.index(output) for output in keras.tree.flatten(outputs) if eager.is_eager(output)}
    for op in reversed(trace.ops):
        if any(index in found for index in op.outputs):
            found.update(op.inputs)
    return found


def _trace(run: Run) -> tuple[Batch, Any] | None:
    """Run the model under the recorder, for its batch and its outputs; None where it fails."""
    with run.isolated():
        batch = run.batch()
        run.introduce(batch)
        try:
            with run.trace.recording():
                return batch, run.call_model(batch)
        except Exception:
            return None


def _maker(trace: Trace, op: Op, differing: set[int]) -> Op:
    """The operation that mixes what lies along the axis, behind one that puts its result back to its place."""
    current = op
    while (index := next((index for index in current.inputs if index in differing), None)) is not None:
        producer = trace.producers[index]
        if producer is None:
            break
        current = trace.ops[producer]
        if not has(current.type, Trait.MIXES_NOTHING):
            op = current
    return op


def _first(
    trace: Trace, piece: _Slice, slopes: Mapping[int, Any], behind: set[int]
) -> tuple[Op, int, tuple[int, ...]] | None:
    """The first operation that takes forbidden slices in and gives only the permitted ones out."""
    foreign: dict[int, tuple[int, ...]] = {}
    for index, slope in slopes.items():
        if slope is not None and not isinstance(slope, tf.IndexedSlices):
            found = piece.foreign(slope)
            if found:
                foreign[index] = found
    readers: dict[int, list[Op]] = {}
    for op in trace.ops:
        for index in dict.fromkeys(op.inputs):
            readers.setdefault(index, []).append(op)
    for op in trace.ops:
        if op.enclosed is not None or op.is_pseudo or any(index in foreign for index in op.outputs):
            continue
        for operand, index in enumerate(op.inputs):
            if index in foreign and index in behind and _mixes(trace, op, operand, slopes, foreign, piece, readers):
                culprit = _unfolding(trace, op, piece, readers) or _after_transposes(trace, op, readers)
                return culprit, index, foreign[index]
    return None


def _unfolding(trace: Trace, op: Op, piece: _Slice, readers: Mapping[int, Sequence[Op]]) -> Op | None:
    """The reshape that takes another axis out of the samples than one that folded it into them has put there.

    (samples, heads, ...) to (samples * heads, ...) is lossless, and (heads, samples, ...) is not the way back.
    """
    folded = _fold(trace, op, piece.size) if piece.axis == 0 else None
    seen, queue = set(op.outputs), list(op.outputs)
    while folded is not None and queue:
        for later in readers.get(queue.pop(0), ()):
            sizes = [shape_of(trace.tensors[i])[:1] for i in (*later.inputs[:1], *later.outputs[:1])]
            if later.type == "Reshape" and sizes[0] == (folded,) and sizes[1] and sizes[1][0] % folded:
                return None if sizes[1] == (piece.size,) else later
            for output in later.outputs:
                rows = shape_of(trace.tensors[output])[:1] if trace.tensors[output] is not None else ()
                if output not in seen and rows and rows[0] and rows[0] % folded == 0:
                    seen.add(output)
                    queue.append(output)
    return None


def _fold(trace: Trace, op: Op, size: int) -> int | None:
    """The rows that a reshape makes of samples and of an axis behind them; None for other operations."""
    if op.type != "Reshape":
        return None
    before, after = (shape_of(trace.tensors[index]) for index in (op.inputs[0], op.outputs[0]))
    is_fold = bool(before and after) and before[0] == size and after[0] > size and after[0] % size == 0
    return after[0] if is_fold else None


def _mixes(
    trace: Trace,
    op: Op,
    operand: int,
    slopes: Mapping[int, Any],
    foreign: Mapping[int, Any],
    piece: _Slice,
    readers: Mapping[int, Sequence[Op]],
) -> bool:
    """Whether forbidden slices come in through one operand and only permitted ones go out.

    Where the operation takes the axis apart, its result is followed until there is such an axis again.
    """
    alive = [index for index in op.outputs if slopes.get(index) is not None]
    if not alive:
        return False
    if all(piece.is_kept_apart(trace.tensors[index]) for index in alive):
        operands = [trace.tensors[index] for index in op.inputs]
        outputs = [trace.tensors[index] for index in op.outputs]
        arriving = [slopes.get(index) for index in op.outputs]
        try:
            slope = backprop.local_gradients(op.type, op.attributes, operands, outputs, arriving)[operand]
        except Exception:
            return False  # Without a gradient function there is no gradient that could have leaked.
        return slope is not None and not isinstance(slope, tf.IndexedSlices) and bool(piece.foreign(slope))
    seen, queue = set(alive), list(alive)
    restored = False
    while queue:
        index = queue.pop()
        for later in readers.get(index, ()):
            if has(later.type, Trait.READS_SHAPE):
                continue
            for output in later.outputs:
                if output in seen or slopes.get(output) is None:
                    continue
                seen.add(output)
                if not piece.is_kept_apart(trace.tensors[output]):
                    queue.append(output)
                elif output in foreign:
                    return False
                else:
                    restored = True
    return restored


def _after_transposes(trace: Trace, op: Op, readers: Mapping[int, Sequence[Op]]) -> Op:
    """Moving an axis away, or back, is harmless by itself; what works along it meanwhile is not."""
    if op.type == "Transpose":
        before = trace.producers[op.inputs[0]]
        if before is not None:
            maker = trace.ops[before]
            origin = trace.producers[maker.inputs[0]] if maker.inputs else None
            if origin is not None and trace.ops[origin].type == "Transpose":
                return maker
    while op.type == "Transpose":
        following = readers.get(op.outputs[0], ())
        if not following:
            return op
        op = following[0]
    return op
