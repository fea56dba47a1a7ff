"""Bridge: the gradient is let through an operation that stops it, and goes on from there as the tape has it.

The model is not changed: it runs once more, and what arrives behind an operation is handed to the tape as the
gradient of what goes into it. Where the shapes agree it is handed on as it is, elsewhere by the nearest linear map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.experiments.taped import taped
from gradlint.operations import INNER_GRADIENT, Trait, has
from gradlint.record import reduction
from gradlint.record.terms import is_float
from gradlint.upstream import backprop

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gradlint.record.ledger import Op
    from gradlint.record.recording import Recording
    from gradlint.record.runner import Runner

_MOST_PUSHES = 8
"""Times that operations of one line, each behind the other as in a loop, are opened: one cause has many victims."""


class Bridge:
    """The gradient of one run, let through operations that stop it.

    Args:
        runner: of the subject.
        recording: the run whose operations are named; the subject runs again when the first one is tried.
    """

    def __init__(self, runner: Runner, recording: Recording) -> None:
        self._runner = runner
        self._recording = recording
        self._run: _Way | None = None
        self._is_ready = False

    def __call__(
        self, opened: frozenset[int], tried: frozenset[int], victims: Collection[int]
    ) -> Mapping[int, float | None] | None:
        """As `gradlint.passes.cuts.Bridge` has it; None when the subject does not run the same way again."""
        if not self._is_ready:
            self._run, self._is_ready = _way(self._runner, self._recording), True
        if self._run is None:
            return None
        slopes = self._run.through(opened, tried)
        return {index: reduction.gradient_of(slopes[index]).norm for index in victims if slopes.get(index) is not None}

    def slope(self, tried: frozenset[int], tensor: int) -> Any | None:
        """The gradient of a tensor when it is let through some operations; None where there is none."""
        self(frozenset(), tried, ())
        return self._run.through(frozenset(), tried).get(tensor) if self._run is not None else None


def _way(runner: Runner, recording: Recording) -> _Way | None:
    run = runner.run()
    with run.isolated():
        found = taped(run)
        if found is None:
            return None
        trace, loss = run.trace, found.loss
        if trace.known(loss) is None:
            trace.detours.enter_detached_loss(loss, found.outputs)
        if [op.type for op in trace.ops] != [op.type for op in recording.ops]:
            return None
        reached = run.reached(found.sources[: found.inputs], found.sources[found.inputs :])
        return _Way(trace.ops, trace.tensors, found.tape, trace.index(loss), reached)


class _Way:
    """The tensors of a run, with the gradients that reach them."""

    def __init__(self, ops: Sequence[Op], tensors: Sequence[Any], tape: Any, loss: int, reached: list[int]) -> None:
        self._ops, self._tensors, self._tape, self._reached = ops, tensors, tape, reached
        slopes = backprop.gradients(tape, tensors[loss], [tensors[index] for index in reached])
        base = {index: slope for index, slope in zip(reached, slopes, strict=True) if slope is not None}
        base.setdefault(loss, tf.ones_like(tensors[loss]))
        self._known: dict[frozenset[int], Mapping[int, Any]] = {frozenset(): base}

    def through(self, opened: frozenset[int], tried: frozenset[int]) -> Mapping[int, Any]:
        """The gradients by tensor when they are let through operations.

        Args:
            opened: positions whose gradients are known from before.
            tried: further ones.
        """
        opened = opened | tried
        if opened not in self._known:
            slopes: dict[int, Any] = dict(self._known.get(opened - tried, self._known[frozenset()]))
            waiting = set(opened) if opened - tried not in self._known else set(tried)
            for _ in range(_MOST_PUSHES):
                ready = {p: slope for p in waiting if (slope := self._arriving(p, opened, slopes)) is not None}
                if not ready:
                    break
                waiting -= ready.keys()
                self._hand_on(ready, slopes)
            self._known[opened] = slopes
        return self._known[opened]

    def _hand_on(self, arriving: Mapping[int, Any], slopes: dict[int, Any]) -> None:
        """Add what the tape makes of gradients that arrive at operations, handed to what goes into them."""
        given: dict[int, Any] = {}
        for position, slope in arriving.items():
            for index in dict.fromkeys(self._ops[position].inputs):
                tensor = self._tensors[index]
                if tensor is not None and is_float(tensor.dtype.name):
                    _add(given, index, tf.cast(fitted(slope, tensor.shape), tensor.dtype))
        sources = [index for index in self._reached if index not in given]
        made = backprop.gradients(
            self._tape,
            [self._tensors[index] for index in given],
            [self._tensors[index] for index in sources],
            list(given.values()),
        )
        for index, slope in (*given.items(), *zip(sources, made, strict=True)):
            if slope is not None:
                _add(slopes, index, slope)

    def _arriving(self, position: int, opened: frozenset[int], slopes: Mapping[int, Any]) -> Any | None:
        """The gradient of what an operation made; computed here where no tape has followed.

        A tape follows no integers, and nothing that comes back from Python.
        """
        mine = self._ops[position].outputs
        unknown = {index for index in mine if index not in slopes}
        readers = []
        for later in range(position + 1, len(self._ops)):
            op = self._ops[later]
            if op.type == INNER_GRADIENT or has(op.type, Trait.READS_SHAPE) or unknown.isdisjoint(op.inputs):
                continue
            readers.append(later)
            unknown.update(index for index in op.outputs if index not in slopes)
        found: dict[int, Any] = {index: slopes[index] for index in mine if index in slopes}
        for later in reversed(readers):
            op = self._ops[later]
            outgoing = [slopes.get(index, found.get(index)) for index in op.outputs]
            if any(slope is not None for slope in outgoing):
                for index, slope in zip(op.inputs, self._through_one(later, outgoing, opened), strict=False):
                    if index in unknown and slope is not None:
                        _add(found, index, slope)
        return next((found[index] for index in mine if index in found), None)

    def _through_one(self, position: int, outgoing: Sequence[Any], opened: frozenset[int]) -> Sequence[Any | None]:
        """What one operation hands to its operands, integers among them."""
        op = self._ops[position]
        if op.type == "ReadVariableOp":
            return outgoing
        inputs = [self._tensors[index] for index in op.inputs]
        slope = next(slope for slope in outgoing if slope is not None)
        results: Sequence[Any | None] = [None] * len(inputs)
        outputs = [self._tensors[index] for index in op.outputs]
        if not op.is_pseudo and all(tensor is not None for tensor in (*inputs, *outputs)):
            try:
                results = backprop.local_gradients(op.type, op.attributes, inputs, outputs, outgoing)
            except Exception:
                results = [None] * len(inputs)  # It hands on nothing.
        return [
            fitted(slope, tensor.shape) if _carries_no_gradient(tensor) or (result is None and position in opened)
            else result
            for tensor, result in zip(inputs, results, strict=False)
        ]  # fmt: skip


def _carries_no_gradient(tensor: Any) -> bool:
    return tensor is not None and not (is_float(tensor.dtype.name) or tensor.dtype in (tf.resource, tf.variant))


def _add(slopes: dict[int, Any], index: int, slope: Any) -> None:
    before = slopes.get(index)
    slopes[index] = slope if before is None else tf.convert_to_tensor(before) + tf.convert_to_tensor(slope)


def fitted(slope: Any, shape: Any) -> Any:
    """A gradient in another shape: the same elements, spread over new axes, or weighted sums over lost ones.

    The weights are all positive and differ: a gradient whose sum is zero, as behind a softmax, does not vanish.
    """
    dense = tf.cast(tf.convert_to_tensor(slope), tf.float32)
    old, new = list(dense.shape), list(shape)
    if old == new:
        return dense
    if np.prod(old, dtype=int) == np.prod(new, dtype=int):
        return tf.reshape(dense, new)
    if (spread := _placed(old, new)) is not None:
        return tf.broadcast_to(tf.reshape(dense, spread), new)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, size=old).astype("float32")
    if (kept := _placed(new, old)) is not None:
        lost = [axis for axis, length in enumerate(kept) if length != old[axis]]
        return tf.reshape(tf.reduce_sum(dense * weights, axis=lost), new)
    return tf.fill(new, tf.reduce_sum(dense * weights) / max(np.prod(new, dtype=int), 1))


def _placed(few: list[int], many: list[int]) -> list[int] | None:
    """The shape `few` with an axis of one wherever `many` has one more; None where the two do not go together."""
    if len(few) == len(many):
        return few if all(one in (1, other) for one, other in zip(few, many, strict=True)) else None
    left, found = list(few), []
    for length in many:
        found.append(left.pop(0) if left and left[0] == length else 1)
    return None if left else found
