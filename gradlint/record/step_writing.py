"""From an observed step to plain data: its tapes, gradient calls and updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.operations import INNER_GRADIENT, Trait, has
from gradlint.record import call_text, reduction, tensors
from gradlint.record.reading import readers_of
from gradlint.record.recording import ABSENT, NOT_APPLICABLE, Gradient
from gradlint.record.step_record import (
    AskedSource,
    Crash,
    Evaluation,
    Frame,
    Frames,
    GradientCall,
    Movement,
    Resting,
    StepRecord,
    TapeRecord,
    Update,
    UpdatePair,
)
from gradlint.record.terms import is_float
from gradlint.result import GradientState
from gradlint.upstream import backprop, eager, optimizers, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gradlint.record.ledger import Op
    from gradlint.record.live import LiveCall, LiveUpdate
    from gradlint.record.observation import StepTrace
    from gradlint.record.step_task import StepRun, StepTask


def record_of(
    trace: StepTrace,
    run: StepRun,
    tape: Any,
    task: StepTask,
    returned: Any,
    after: Mapping[int, tuple[Any, Any]],
    crash: Crash | None,
) -> StepRecord:
    """Write down what a step did.

    Args:
        trace: what was observed.
        run: knows the variables by their paths.
        tape: gradlint's own, which has seen everything.
        task: what was to be observed.
        returned: by the step.
        after: the values after the step of the variables that it assigned to, by handle id.
        crash: how it ended, if it did.
    """
    names = _Names(trace, run)
    calls = tuple(_call(trace, names, live, tape) for live in trace.live_calls)
    return StepRecord(
        name=task.name,
        tapes=tuple(
            TapeRecord(
                live.frames,
                steps.is_persistent(live.tape),
                steps.watches_accessed(live.tape),
                tuple((first, last) for first, last in live.spans),
                tuple(live.watches),
                tuple(live.integers),
                tuple(live.resets),
                tuple(live.refused),
            )
            for live in trace.live_tapes
        ),
        calls=calls,
        updates=tuple(_update(trace, names, live) for live in trace.live_updates),
        movements=tuple(_movements(trace, names, after, task)),
        evaluations=tuple(
            Evaluation(live.method, str(live.model.name), live.position, live.frames) for live in trace.evaluations
        ),
        frames=trace.frames,
        passes=_passes(trace, calls),
        returned=tuple(_known(trace, returned)),
        kept=_kept(trace) | (frozenset(trace.taken) & _results(trace)),
        taken=frozenset(trace.taken),
        data=dict(trace.data),
        rows=trace.rows,
        models=tuple(str(model.name) for model in task.models if hasattr(model, "name")),
        owner=None if task.owner is None else str(task.owner.name),
        born=_born(trace, names, returned),
        departures=trace.departures,
        made=tuple(_made(trace)),
        replicated=tuple(trace.replicated),
        crash=crash,
        resting=tuple(_resting(trace)),
    )


class _Names:
    """The paths of variables, by handle id."""

    def __init__(self, trace: StepTrace, run: StepRun) -> None:
        self._trace = trace
        self.variables: dict[int, tuple[str, Any]] = {
            eager.tensor_id(run.handle(variable)): (path, variable)
            for path, variable in zip(run.paths(), run.learning(), strict=True)
        }

    def of(self, variable: Any) -> str:
        known = self.variables.get(eager.tensor_id(eager.handle_of(variable)))
        return known[0] if known is not None else tensors.path_of(variable)

    def of_handle(self, handle: Any) -> tuple[str, bool]:
        """Path, and whether it is trainable."""
        key = eager.tensor_id(handle)
        path, variable = self.variables.get(key, ("", None))
        if variable is not None:
            return path, bool(variable.trainable)
        read = self._trace.variables.get(key)
        if read is not None:
            return tensors.path_of(read[0]), bool(read[0].trainable)
        evaluated = (v for live in self._trace.evaluations for v in live.model.variables)  # in a graph of their own
        found = next((v for v in evaluated if eager.tensor_id(eager.handle_of(v)) == key), None)
        return (tensors.path_of(found), bool(found.trainable)) if found is not None else ("a variable", True)


def _call(trace: StepTrace, names: _Names, live: LiveCall, tape: Any) -> GradientCall:
    question = live.question
    texts = call_text.arguments(live.frames[0] if live.frames else None, question.kind)
    absent = [
        tensor
        for tensor, slope in zip(live.sources, live.slopes, strict=False)
        if slope is None and tensor.dtype == tf.resource
    ]
    outer = _outer(tape, live.target_tensors, absent)
    sources = []
    for place, (tensor, index) in enumerate(zip(live.sources, live.indices, strict=False)):
        slope = live.slopes[place] if place < len(live.slopes) else None
        is_variable = tensor.dtype == tf.resource
        path, trainable = names.of_handle(tensor) if is_variable else ("", True)
        dtype = (
            tensors.dtype_of(names.variables[eager.tensor_id(tensor)][1])
            if (is_variable and eager.tensor_id(tensor) in names.variables)
            else "float32"
            if is_variable
            else tensor.dtype.name
        )
        values = getattr(slope, "values", slope)
        sources.append(
            AskedSource(
                tensor=index,
                variable=path,
                dtype=dtype,
                gradient=NOT_APPLICABLE if not is_float(dtype) else _reduced(slope),
                result=trace.known(values) if eager.is_eager(values) else None,
                outer=outer.get(eager.tensor_id(tensor)),
                text=texts.sources[place] if len(texts.sources) == len(live.sources) else "",
                is_trainable=trainable,
            )
        )
    return GradientCall(
        kind=question.kind,
        tape=live.tape,
        frames=live.frames,
        first=live.first,
        last=live.last,
        targets=tuple(live.targets),
        target_kind=live.target_kind,
        target_text=texts.target,
        sources=tuple(sources),
        in_reach=tuple(names.of_handle(handle)[0] for handle in live.in_reach),
        is_inside=question.is_recording,
        is_used_up=question.is_used_up,
        fills_zeros=question.fills_zeros,
        odd_sources=live.odd_sources,
        error=live.error,
    )


def _reduced(slope: Any) -> Gradient:
    return reduction.gradient_of(slope) if slope is None or eager.is_eager(getattr(slope, "values", slope)) else ABSENT


def _outer(tape: Any, targets: Sequence[Any], sources: Sequence[Any]) -> dict[int, Gradient]:
    """What gradlint's own tape gives where the user's gives nothing."""
    floats = [target for target in targets if target.dtype.is_floating]
    if not floats or not sources:
        return {}
    # A sum of the targets would be an operation that the tape has not seen.
    found: dict[int, Gradient] = {}
    for target in floats:
        for handle, slope in zip(sources, backprop.gradients(tape, target, sources), strict=True):
            key = eager.tensor_id(handle)
            if slope is not None or key not in found:
                found[key] = reduction.gradient_of(slope)
    return found


def _update(trace: StepTrace, names: _Names, live: LiveUpdate) -> Update:
    application = live.application
    pairs = application.pairs or ()
    return Update(
        optimizer=type(application.optimizer).__name__,
        frames=live.frames,
        first=live.first,
        last=live.last,
        pairs=tuple(
            UpdatePair(
                gradient,
                names.of(variable),
                trace.source_index(variable),
                _reduced(slope).state is GradientState.ZERO,
                _along(trace, live, slope, variable),
            )
            for gradient, (slope, variable) in zip(live.gradients, pairs, strict=True)
        ),
        given=application.given,
        is_paired=application.pairs is not None,
        learning_rate=live.learning_rate,
        is_scheduled=live.is_scheduled,
        accumulates=optimizers.accumulates(application.optimizer),
        scaled=live.scaled,
        scale=tuple(live.scale),
        error=live.error,
        has_reset=bool(live.frames) and call_text.has_reset(live.frames[0].file),
    )


def _made(trace: StepTrace) -> Iterator[tuple[str, Frames]]:
    """Optimizers that were made for one update of variables that were there before; a loop of the step has its own."""
    for key, frames in trace.made.items():
        updates = [live for live in trace.live_updates if id(live.application.optimizer) == key]
        if len(updates) == 1 and optimizers.has_moments(updates[0].application.optimizer):
            handles = [eager.handle_of(variable) for _, variable in updates[0].application.pairs or ()]
            if any(trace.producers[trace.versions(handle)[0]] is None for handle in handles):
                yield type(updates[0].application.optimizer).__name__, frames


def _along(trace: StepTrace, update: LiveUpdate, slope: Any, variable: Any) -> float | None:
    """The cosine of what an optimizer gets for a variable and what a tape gave for it last."""
    given = _gradient_of(trace, variable, [live for live in reversed(trace.live_calls) if live.last <= update.first])
    if given is None or slope is given or not eager.is_eager(slope) or slope.shape != given.shape:
        return None
    product, one, other = _product(slope, given)
    return product / (one * other) if one * other > 0.0 else None


def _gradient_of(trace: StepTrace, variable: Any, calls: Iterable[LiveCall]) -> Any | None:
    """The gradient that the first of some calls gave for a variable."""
    key = eager.tensor_id(eager.handle_of(variable))
    for live in calls:
        for tensor, slope in zip(live.sources, live.slopes, strict=False):
            if eager.is_eager(slope) and eager.tensor_id(tensor) == key:
                return slope
    return None


def _product(one: Any, other: Any) -> tuple[float, float, float]:
    """The product of two tensors or arrays, and their norms."""
    first, second = (_flat(part) for part in (one, other))
    return float(first @ second), float(np.linalg.norm(first)), float(np.linalg.norm(second))


def _flat(part: Any) -> np.ndarray[Any, Any]:
    return np.ravel(eager.array_of(part) if eager.is_eager(part) else part).astype("float64")


def _moved_by_hand(trace: StepTrace, key: int, variable: Any, now: Any) -> tuple[float, float, float] | None:
    """What a step's own assignments leave of a variable's movement, beside its gradient."""
    given = _gradient_of(trace, variable, trace.live_calls) if key in trace.by_hand else None
    if given is None or given.shape != now.shape:
        return None
    left = eager.array_of(now).astype("float64") - eager.array_of(trace.before[key][1]).astype("float64")
    for live in trace.live_updates:
        values = live.around.get(key, [])
        if len(values) == 2:
            left = left - (eager.array_of(values[1]).astype("float64") - eager.array_of(values[0]).astype("float64"))
    return _product(left, given)


def _movements(
    trace: StepTrace, names: _Names, after: Mapping[int, tuple[Any, Any]], task: StepTask
) -> Iterable[Movement]:
    kept = _kept_by_hand(trace, task, after)
    for key, (path, variable) in names.variables.items():
        if not variable.trainable:
            continue
        if key not in after:
            yield Movement(path, tensors.dtype_of(variable), False, 0.0, 0.0)
            continue
        was, now = trace.before[key][1], after[key][1]
        is_changed = not np.array_equal(eager.array_of(was), eager.array_of(now), equal_nan=True)
        largest = float(tf.reduce_max(tf.abs(tf.cast(now, tf.float64)))) if int(tf.size(now)) else 0.0
        eps = float(tf.cast(np.finfo(np.float32).eps, tf.float64))
        eps = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52}.get(now.dtype.name, eps)
        by_hand = _moved_by_hand(trace, key, variable, now)
        yield Movement(path, now.dtype.name, is_changed, largest, largest * eps / 2, by_hand, key in kept)


def _kept_by_hand(trace: StepTrace, task: StepTask, after: Mapping[int, tuple[Any, Any]]) -> set[int]:
    """The handles of models that were named and to all of whose weights the step gives the values that they have."""
    found: set[int] = set()
    for model in task.models:
        keys = {eager.tensor_id(eager.handle_of(variable)) for variable in getattr(model, "trainable_variables", ())}
        if keys <= trace.by_hand & set(after) and all(_are_close(trace.before[key][1], after[key][1]) for key in keys):
            found |= keys
    return found


def _are_close(was: Any, now: Any) -> bool:
    """Whether two values are the same, but for the rounding of a weighted mean."""
    one, other = eager.array_of(was).astype("float64"), eager.array_of(now).astype("float64")
    return bool(np.allclose(one, other, rtol=1e-6, atol=1e-6 * np.max(np.abs(one), initial=0.0)))


def _born(trace: StepTrace, names: _Names, returned: Any) -> tuple[tuple[str, Frames], ...]:
    """Trainable variables that were created while the step ran, and that it does not train itself."""
    readers = readers_of(trace)
    inside = [range(live.first, live.last) for live in trace.live_updates]
    given_back = {id(eager.tf_variable(leaf)) for leaf in _leaves(returned) if eager.is_variable(leaf)}
    found = []
    for key, (variable, _, _) in trace.variables.items():
        index = trace.known(variable.handle)
        if index is None or not variable.trainable or id(variable) in given_back:
            continue
        first, *versions = trace.versions(variable.handle)
        position = trace.producers[first]
        if position is None or trace.ops[position].type != "VarHandleOp":
            continue
        if any(position in update for update in inside):  # an optimizer's own: Nadam's product counts as trainable
            continue
        # An image that the step moves, or a perturbation: what comes after its first value is read.
        reads = [place for version in versions[1:] for place in readers.get(version, ())]
        if any(not any(place in update for update in inside) for place in reads):
            continue
        op, frames = trace.ops[position], trace.frames.get(position, ())
        if op.file is not None and op.line is not None:
            frames = (Frame(op.file, op.line, 0), *frames)
        found.append((names.variables[key][0] if key in names.variables else tensors.path_of(variable), frames))
    return tuple(found)


# -- what becomes of gradients ---------------------------------------------------------------------------


def _resting(trace: StepTrace) -> Iterable[Resting]:
    """The layers that do nothing in parts whose variables the step asks for."""
    asked = {eager.tensor_id(source) for live in trace.live_calls for source in live.sources}
    for around, call in trace.calls.resting:
        variables = getattr(around.operation, "trainable_variables", ())
        # A layer without variables, called by the step itself, is part of what it computes.
        if not variables or not asked.isdisjoint(eager.tensor_id(eager.handle_of(each)) for each in variables):
            name, kind = str(around.operation.name), type(call.operation).__name__
            yield Resting(call.layer or name, kind, name, around.frames, tuple(call.outputs))


def _known(trace: StepTrace, value: Any) -> Iterable[int]:
    """The indices of the tensors in what a step returned."""
    for leaf in _leaves(value):
        values = getattr(leaf, "values", leaf) if isinstance(leaf, tf.IndexedSlices) else leaf
        index = trace.known(values) if eager.is_eager(values) else None
        if index is not None:
            yield index


def _leaves(value: Any) -> list[Any]:
    """The parts of what a step returned; none of what cannot be taken apart."""
    try:
        return list(keras.tree.flatten(value))
    except Exception:
        return []


def _results(trace: StepTrace) -> frozenset[int]:
    indices = (
        trace.known(getattr(slope, "values", slope))
        for live in trace.live_calls
        for slope in live.slopes
        if eager.is_eager(getattr(slope, "values", slope))
    )
    return frozenset(index for index in indices if index is not None)


def _kept(trace: StepTrace) -> frozenset[int]:
    """Gradients that the code of the step puts into an object or a list: another step may use them."""
    found = set[int]()
    for live in trace.live_calls:
        if live.frames and call_text.is_stored(live.frames[0], live.question.kind):
            values = (getattr(slope, "values", slope) for slope in live.slopes)
            indices = (trace.known(value) for value in values if eager.is_eager(value))
            found |= {index for index in indices if index is not None}
    return frozenset(found)


# -- what a gradient passes ------------------------------------------------------------------------------


def _passes(trace: StepTrace, calls: Sequence[GradientCall]) -> dict[int, tuple[bool, ...]]:
    """For the operations on the way from sources without a gradient to their targets: which operands they serve."""
    wanted: set[int] = set()
    for call in calls:
        starts = {source.tensor for source in call.sources if source.gradient.state is GradientState.ABSENT}
        if starts:
            wanted |= _between(trace, starts, set(call.targets))
    cache: dict[Any, tuple[bool, ...]] = {}
    return {position: _serves(trace, trace.ops[position], cache) for position in sorted(wanted)}


def _between(trace: StepTrace, starts: set[int], targets: set[int]) -> set[int]:
    marked = set(starts)
    for index in starts:
        tensor = trace.tensors[index]
        if tensor is not None and tensor.dtype == tf.resource:
            marked.update(trace.versions(tensor))
    met = []
    for position, op in enumerate(trace.ops):
        if not has(op.type, Trait.READS_SHAPE) and op.type != INNER_GRADIENT and any(i in marked for i in op.inputs):
            marked.update(op.outputs)
            met.append(position)
    behind = set(targets)
    found = set()
    for position in reversed(met):
        op = trace.ops[position]
        if any(index in behind for index in op.outputs):
            behind.update(op.inputs)
            found.add(position)
    return found


def _serves(trace: StepTrace, op: Op, cache: dict[Any, tuple[bool, ...]]) -> tuple[bool, ...]:
    operands = [trace.tensors[index] for index in op.inputs]
    results = [trace.tensors[index] for index in op.outputs]
    nothing = (False,) * len(operands)
    if has(op.type, Trait.LEAVES) or has(op.type, Trait.ASSIGNS):
        return nothing
    if op.is_pseudo or op.type == "ReadVariableOp":
        return (True,) * len(operands)
    if any(part is None for part in (*operands, *results)):
        return (True,) * len(operands)
    if not any(is_float(t.dtype.name) or t.dtype == tf.variant for t in results):
        return nothing
    key = (op.type, str(op.attributes), tuple((tuple(t.shape), t.dtype) for t in (*operands, *results)))
    if key not in cache:
        slopes = [tf.ones_like(t) if is_float(t.dtype.name) else None for t in results]
        try:
            given = backprop.local_gradients(op.type, op.attributes, operands, results, slopes)
            cache[key] = tuple(g is not None for g in given[: len(operands)])
        except Exception:
            cache[key] = nothing
    return cache[key]
