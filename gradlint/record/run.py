"""Run a model once, with one tape per input key and one over all that should learn, and write it all down."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.errors import ModelRunError
from gradlint.record import internals, reduction, source
from gradlint.record.objective import Batch, Objective, declined_outputs, objective_of
from gradlint.record.recording import (
    ABSENT,
    NOT_APPLICABLE,
    Failure,
    Gradient,
    InputRecord,
    LabelRecord,
    LayerCall,
    Leak,
    Local,
    LossRecord,
    OpRecord,
    OutputRecord,
    Recording,
    Region,
    TensorRecord,
    VariableRecord,
    is_float,
)
from gradlint.record.trace import Op, Trace
from gradlint.result import GradientState

# Operations that read only the form of their input, never its values.
SHAPE_READERS = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "VariableShape"})

# Tensors above this number of elements are not examined by finite differences.
_MISMATCH_LIMIT = 1 << 16

_SHAPE_WORDS = re.compile(
    r"is not in \[0|out of range|valid range|shape|rank|dimension|ndim|incompatible|broadcast|same length|must match|mismatch|axis|size|concat", re.IGNORECASE
)
_DTYPE_WORDS = re.compile(r"dtype|expected to be an? \w+ tensor but is|type \w+ that does not match|data type", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is run: a model, or a callable, with its sample.

    Attributes:
        model: a Keras model; None for a callable.
        function: a callable of the sample that returns a loss; None for a model.
        structure: the model's nesting of input keys, or None.
        inputs: arrays by input key.
        labels: arrays by output name.
        label_keys: sample key of each label.
        learners: models and variables that should learn besides the model's own.
        loss: as the user asked, or None.
    """

    model: Any
    function: Callable[..., Any] | None
    structure: Any
    inputs: Mapping[str, Any]
    labels: Mapping[str, Any]
    label_keys: Mapping[str, str]
    sample_weight: Any
    learners: tuple[Any, ...] = ()
    loss: object = None
    training: bool = True
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """How one more run differs: another seed, perturbed inputs, and one small step of every variable.

    The step stands for the first update of training: it opens gates that are zero on purpose at the start and
    leaves closed what no gradient reaches.
    """

    number: int
    perturb_inputs: bool = True


class Runner:
    """Runs one subject as often as the analysis asks, and leaves it unchanged."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._steps: list[tuple[Any, Any]] | None = None

    def record(self, *, probe: Probe | None = None, trace_returns: bool = False) -> Recording:
        """One run.

        Args:
            probe: how the run differs from the sample's own.
            trace_returns: also find out from which line each of the user's layers returned.

        Raises:
            ModelRunError: the model's own code failed for a reason that is neither a shape nor a dtype.
        """
        subject = self._subject
        seed = subject.seed if probe is None else subject.seed + 1 + probe.number
        steps = self._virtual_step() if probe is not None else []
        inputs = subject.inputs
        labels = subject.labels
        if probe is not None and probe.perturb_inputs:
            inputs = perturbed(inputs, np.random.default_rng(seed))
        run = _Run(subject, inputs, labels, seed)
        with run.isolated():
            # Gates on a schedule are non-trainable zeros.
            for variable, step in steps:
                run.trace.assigned.add(internals.tensor_id(variable.handle))
                variable.assign_add(step)
            return run.record(trace_returns)

    def traced_reads(self) -> frozenset[str]:
        """Paths of the variables that the model reads when it is traced as a graph.

        Tracing enters both sides of a `tf.cond` and the body of a `tf.while_loop`, whatever the sample is.
        """
        subject = self._subject
        if subject.model is None:
            return frozenset()
        run = _Run(subject, subject.inputs, subject.labels, subject.seed)
        batch = run._batch()
        tensors = list(batch.inputs.values())

        def forward(*values: Any) -> Any:
            args, kwargs = replace(batch, inputs=dict(zip(batch.inputs, values, strict=True))).packed(subject.model)
            return keras.tree.flatten(subject.model(*args, training=subject.training, **kwargs))

        with run.isolated():
            try:
                concrete = tf.function(forward).get_concrete_function(*tensors)
            except Exception:
                return frozenset()  # A model that cannot be traced has no second opinion to give.
        captured = {internals.tensor_id(t) for t in concrete.captured_inputs if internals.is_eager(t)}
        return frozenset(
            _path_of(variable)
            for variable in run._learning()
            if internals.tensor_id(internals.handle_of(variable)) in captured
        )

    def contradicted(self, keys: Sequence[str], paths: Sequence[str]) -> frozenset[str]:
        """Those inputs and variables with which the loss changes smoothly, by central differences.

        Args:
            keys: float inputs whose gradient is zero.
            paths: variables whose gradient is zero.
        """
        subject = self._subject
        found = set()
        for key in keys:
            array = np.asarray(subject.inputs[key])
            direction = np.random.default_rng(0).normal(size=array.shape)
            scale = float(np.abs(array).max()) or 1.0

            def losses(step: float, key: str = key, array: Any = array, direction: Any = direction) -> float:
                moved = (array + step * direction).astype(array.dtype)
                return _Run(subject, {**subject.inputs, key: moved}, subject.labels, subject.seed).loss_only(None, None)

            if _is_slope(losses, scale):
                found.add(key)
        variables = {_path_of(v): v for v in _Run(subject, {}, {}, 0)._learning()}
        for path in paths:
            variable = internals.tf_variable(variables[path])
            direction = np.random.default_rng(0).normal(size=variable.shape)
            scale = float(tf.reduce_max(tf.abs(tf.cast(variable, tf.float32)))) or 1.0

            def losses_of(step: float, variable: Any = variable, direction: Any = direction) -> float:
                run = _Run(subject, subject.inputs, subject.labels, subject.seed)
                return run.loss_only(variable, tf.constant(step * direction, variable.dtype))

            if _is_slope(losses_of, scale):
                found.add(path)
        return frozenset(found)

    def leak(self) -> Leak | None:
        """Where the samples of a batch begin to mix, in inference mode."""
        subject = replace(self._subject, training=False)
        run = _Run(subject, subject.inputs, subject.labels, subject.seed)
        with run.isolated():
            return run.leak()

    def _virtual_step(self) -> list[tuple[Any, Any]]:
        if self._steps is None:
            run = _Run(self._subject, self._subject.inputs, self._subject.labels, self._subject.seed)
            with run.isolated():
                self._steps = run.step()
        return self._steps


def perturbed(inputs: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    """Another sample of the same kind.

    Measured columns get noise of half their own spread. Whole numbers (ids, counts, flags) keep their values
    and change rows, since noise could make them invalid; a column of zeros gets unit noise.
    """
    result: dict[str, Any] = {}
    for key, value in inputs.items():
        array = np.asarray(value) if not hasattr(value, "row_splits") else value
        if not isinstance(array, np.ndarray) or array.ndim == 0 or array.size == 0:
            result[key] = value
        elif array.dtype.kind == "f":
            if not array.any():
                result[key] = generator.normal(size=array.shape).astype(array.dtype)
            elif np.array_equal(array, np.round(array)):
                result[key] = array[generator.permutation(len(array))]
            else:
                spread = float(np.nanstd(array)) or float(np.abs(array).max())
                noise = 0.5 * spread * generator.normal(size=array.shape)
                result[key] = (array + noise).astype(array.dtype)
        else:
            result[key] = array[generator.permutation(len(array))]
    return result


@dataclass(slots=True)
class _Run:
    """One run in the making."""

    subject: Subject
    inputs: Mapping[str, Any]
    labels: Mapping[str, Any]
    seed: int
    trace: Trace = field(init=False)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trace = Trace(__file__, self.subject.model)

    # -- what must not change --------------------------------------------------------------------------

    @contextlib.contextmanager
    def isolated(self) -> Any:
        """Leave the model, its optimizer, metrics and seeds, and every global state, as they were."""

        def is_assigned(variable: Any) -> bool:
            return internals.tensor_id(variable.handle) in self.trace.assigned

        with (
            warnings.catch_warnings(),
            internals.restored(self._all_variables(), is_assigned),
            internals.optimizers_disarmed(),
        ):
            warnings.simplefilter("ignore")
            internals.fresh_seeds(self.seed)
            yield

    def _all_variables(self) -> list[Any]:
        owners = [owner for owner in (self.subject.model, *self.subject.learners) if owner is not None]
        found: dict[int, Any] = {}
        for owner in owners:
            for variable in _variables_of(owner):
                handle = getattr(internals.tf_variable(variable), "handle", None)
                if handle is not None:
                    found[internals.tensor_id(handle)] = variable
        return list(found.values())

    # -- the batch -------------------------------------------------------------------------------------

    def _batch(self) -> Batch:
        subject = self.subject
        weight = None if subject.sample_weight is None else tf.convert_to_tensor(subject.sample_weight)
        return Batch(
            {key: _tensor(value, self._input_dtype(key)) for key, value in self.inputs.items()},
            subject.structure,
            {name: _tensor(value) for name, value in self.labels.items()},
            weight,
        )

    def _input_dtype(self, key: str) -> str | None:
        """Keras casts floats to the model's input dtype before the first layer; the tape must start after that."""
        array = self.inputs[key]
        dtype = getattr(array, "dtype", None)
        if dtype is not None and np.dtype(dtype).kind == "f" and isinstance(array, np.ndarray):
            return keras.config.floatx() if np.dtype(dtype).itemsize == 8 else None
        return None

    # -- running ---------------------------------------------------------------------------------------

    def _forward(self, batch: Batch) -> tuple[Any, Any, Objective]:
        """Run model and loss under the recorder; gives outputs, loss and how the loss came about."""
        subject, trace = self.subject, self.trace
        if subject.function is not None:
            loss = subject.function({**batch.inputs, **{subject.label_keys[n]: y for n, y in batch.labels.items()}})
            name = getattr(subject.function, "__name__", type(subject.function).__name__)
            return {}, loss, Objective(LossRecord("callable", f"what {name} returns"))
        objective = objective_of(subject.model, batch, subject.loss, subject.seed)
        if objective.runs_train_step:
            return self._train_step(batch, objective)
        args, kwargs = batch.packed(subject.model)
        outputs = subject.model(*args, training=subject.training, **kwargs)
        assert objective.compute is not None
        loss = objective.compute(batch, args[0] if args else kwargs, outputs, subject.training)
        return outputs, loss, objective

    def _train_step(self, batch: Batch, objective: Objective) -> tuple[Any, Any, Objective]:
        """Run the model's own `train_step` and take the losses that its tapes differentiate."""
        model, trace = self.subject.model, self.trace
        args, _ = batch.packed(model)
        labels = batch.labels.get("") if set(batch.labels) == {""} else dict(batch.labels) or None
        data = (args[0],) if labels is None else (args[0], labels)
        if batch.sample_weight is not None:
            data = (*data, batch.sample_weight)
        trace.capture_losses = True
        try:
            model.train_step(data)
        finally:
            trace.capture_losses = False
        targets = [target for target in trace.losses if is_float(target.dtype.name)]
        if not targets:
            raise ModelRunError(
                f"{type(model).__name__}.train_step ran, but no tape.gradient() was seen in it; "
                "pass --loss to say what to differentiate"
            )
        # Losses of several networks (a GAN's) may be opposites of each other: their plain sum would cancel.
        weights = np.random.default_rng(self.seed).uniform(0.5, 1.5, size=len(targets))
        if len(targets) == 1:
            loss = tf.reduce_sum(targets[0])
        else:
            loss = tf.add_n([float(w) * tf.reduce_sum(tf.cast(t, tf.float32)) for w, t in zip(weights, targets, strict=True)])
        return {}, loss, objective

    def _watched(self, batch: Batch) -> tuple[dict[str, Any], list[Any]]:
        floats = {key: tensor for key, tensor in batch.inputs.items() if is_float(tensor.dtype.name)}
        floats = {key: getattr(tensor, "flat_values", tensor) for key, tensor in floats.items()}
        return floats, [internals.handle_of(v) for v in self._learning() if v.trainable]

    def _learning(self) -> list[Any]:
        """All variables of the model and of what else should learn, without doubles, Keras's own order."""
        found: dict[int, Any] = {}
        for owner in (self.subject.model, *self.subject.learners):
            if owner is None:
                continue
            for variable in getattr(owner, "variables", [owner]):
                if is_float(_dtype_of(variable)) and hasattr(internals.tf_variable(variable), "handle"):
                    found.setdefault(internals.tensor_id(internals.handle_of(variable)), variable)
        return list(found.values())

    def step(self) -> list[tuple[Any, Any]]:
        """One small step of every variable against its gradient: pairs of `tf.Variable` and step."""
        batch = self._batch()
        with contextlib.suppress(Exception), tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            for variable in self._learning():
                if variable.trainable:
                    tape.watch(internals.tf_variable(variable))
            with self.trace.recording():
                _, loss, _ = self._forward(batch)
        if self.trace.failed is not None:
            return []
        variables = [internals.tf_variable(variable) for variable in self._learning()]
        slopes = internals.gradients(tape, loss, [v.handle for v in variables], lambda *_: None)
        steps = []
        for variable, learning, slope in zip(variables, self._learning(), slopes, strict=True):
            if not learning.trainable:
                # A gate on a schedule starts at zero and is moved by the user's own code.
                if not bool(tf.reduce_any(tf.cast(variable, tf.bool))):
                    steps.append((variable, tf.cast(tf.fill(variable.shape, 0.01), variable.dtype)))
                continue
            if slope is None:
                continue
            dense = tf.convert_to_tensor(slope)
            norm = tf.norm(tf.cast(dense, tf.float32))
            if not bool(tf.math.is_finite(norm)) or float(norm) == 0.0:
                continue
            size = 0.05 * max(float(tf.norm(tf.cast(variable, tf.float32))), 1.0)
            steps.append((variable, tf.cast(-size * tf.cast(dense, tf.float32) / norm, variable.dtype)))
        return steps

    def loss_only(self, variable: Any, step: Any) -> float:
        """The loss, with one variable moved by a step; NaN when the run fails."""
        with self.isolated():
            if variable is not None:
                self.trace.assigned.add(internals.tensor_id(variable.handle))
                variable.assign_add(step)
            try:
                with self.trace.recording():
                    _, loss, _ = self._forward(self._batch())
            except Exception:
                return float("nan")
            return float(tf.reduce_sum(tf.cast(loss, tf.float64)))

    def leak(self) -> Leak | None:
        """Compare the rows of every tensor with the row of the output they reach."""
        trace = self.trace
        batch = self._batch()
        sizes = {int(t.shape[0]) for t in batch.inputs.values() if t.shape.rank}
        if len(sizes) != 1 or min(sizes) < 2 or self.subject.model is None:
            return None
        size = sizes.pop()
        floats, _ = self._watched(batch)
        variables = [internals.tf_variable(v) for v in self._learning()]
        for part in [p for tensor in batch.inputs.values() for p in _components(tensor)]:
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
                    args, kwargs = batch.packed(self.subject.model)
                    outputs = self.subject.model(*args, training=False, **kwargs)
            except Exception:
                return None
            totals = [_projected_row(outputs, row, size) for row in rows]
        handles = [variable.handle for variable in variables]
        indices = [i for i in self._reached([*floats.values()], handles) if trace.tensors[i].dtype != tf.resource]
        for row, total in zip(rows, totals, strict=True):
            if total is None:
                return None
            slopes = internals.gradients(tape, total, [trace.tensors[i] for i in indices], lambda *_: None)
            leak = self._leak_at(batch, dict(zip(indices, slopes, strict=True)), size, row)
            if leak is not None:
                return leak
        return None

    def _leak_at(self, batch: Batch, slopes: Mapping[int, Any], size: int, row: int) -> Leak | None:
        """The first operation that takes other samples' rows in and gives only this sample's row out."""
        trace = self.trace
        others: dict[int, tuple[int, ...]] = {}
        for index, slope in slopes.items():
            tensor = trace.tensors[index]
            if slope is None or isinstance(slope, tf.IndexedSlices) or not tensor.shape.rank or tensor.shape[0] != size:
                continue
            found = _other_rows(slope, size, row)
            if found:
                others[index] = found
        from_data = set()
        for tensor in batch.inputs.values():
            from_data.update(trace.index(part) for part in _components(tensor))
        for op in trace.ops:
            if any(index in from_data for index in op.inputs) and op.type not in SHAPE_READERS:
                from_data.update(op.outputs)
        for op in trace.ops:
            if op.enclosed is not None or op.is_pseudo or any(index in others for index in op.outputs):
                continue
            for operand, index in enumerate(op.inputs):
                if index in others and index in from_data and self._mixes(op, operand, slopes, others, size, row):
                    culprit = self._after_transposes(op)
                    keys = self._keys_behind([index], batch)
                    return Leak(
                        culprit.type, culprit.layer, culprit.file, culprit.line, keys[0] if keys else "", row, others[index]
                    )
        return None

    def _mixes(
        self, op: Op, operand: int, slopes: Mapping[int, Any], others: Mapping[int, Any], size: int, row: int
    ) -> bool:
        """Whether other samples come in through one operand of an operation and only one sample comes out.

        Where the operation takes the batch axis apart, its result is followed until there is a batch axis again.
        """
        trace = self.trace
        alive = [index for index in op.outputs if slopes.get(index) is not None]
        if not alive:
            return False
        if all(trace.tensors[index].shape.rank and trace.tensors[index].shape[0] == size for index in alive):
            tensors = [trace.tensors[index] for index in op.inputs]
            outputs = [trace.tensors[index] for index in op.outputs]
            try:
                local = internals.local_gradients(
                    op.type, op.attributes, tensors, outputs, [slopes.get(index) for index in op.outputs]
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

    def _after_transposes(self, op: Op) -> Op:
        """Moving the batch axis away, or back, is harmless by itself; what works along it meanwhile is not."""
        if op.type == "Transpose":
            before = self.trace.producers[op.inputs[0]]
            if before is not None:
                maker = self.trace.ops[before]
                origin = self.trace.producers[maker.inputs[0]] if maker.inputs else None
                if origin is not None and self.trace.ops[origin].type == "Transpose":
                    return maker
        while op.type == "Transpose":
            following = [later for later in self.trace.ops if op.outputs[0] in later.inputs]
            if not following:
                return op
            op = following[0]
        return op

    def record(self, trace_returns: bool) -> Recording:
        """Run forward and backward, and reduce everything."""
        trace, subject = self.trace, self.subject
        trace.trace_returns = trace_returns
        batch = self._batch()
        floats, handles = self._watched(batch)
        for tensor in [*batch.inputs.values(), *batch.labels.values()]:
            for part in _components(tensor):
                trace.index(part)
        for handle in [internals.handle_of(variable) for variable in self._learning()]:
            trace.index(handle)
        key_tapes = {key: tf.GradientTape(watch_accessed_variables=False, persistent=True) for key in floats}
        learning = tf.GradientTape(persistent=True, watch_accessed_variables=False)
        outputs: Any = {}
        loss: Any = None
        failure: Failure | None = None
        objective: Objective | None = None
        with contextlib.ExitStack() as tapes:
            for key, tape in key_tapes.items():
                tapes.enter_context(tape)
                tape.watch(floats[key])
            tapes.enter_context(learning)
            for handle in [*floats.values(), *handles]:
                learning.watch(handle)
            try:
                with trace.recording():
                    outputs, loss, objective = self._forward(batch)
            except ModelRunError:
                raise
            except Exception as error:
                failure = self._failure(error, batch)
        if failure is not None:
            description = "not computed: the run failed"
            return self._write(batch, {}, {}, {}, LossRecord("none", description), failure, {})
        assert objective is not None
        loss = self._scalar(loss)
        return self._differentiate(batch, floats, key_tapes, learning, outputs, loss, objective)

    def _scalar(self, loss: Any) -> Any:
        if not tf.is_tensor(loss) or not is_float(loss.dtype.name):
            kind = loss.dtype.name if tf.is_tensor(loss) else type(loss).__name__
            if tf.is_tensor(loss) or isinstance(loss, (int, float, np.number, np.ndarray)):
                return tf.convert_to_tensor(loss)
            raise ModelRunError(f"the loss must be a float tensor, but it is {kind}")
        return loss

    def _differentiate(
        self,
        batch: Batch,
        floats: Mapping[str, Any],
        key_tapes: Mapping[str, Any],
        learning: Any,
        outputs: Any,
        loss: Any,
        objective: Objective,
    ) -> Recording:
        trace = self.trace
        missing: dict[str, str] = {}

        def on_failure(op_type: str, kind: str, error: BaseException) -> None:
            missing.setdefault(op_type, f"{kind}: {error}")

        candidates = self._reached([*floats.values()], self._watched(batch)[1])
        sources = [trace.tensors[index] for index in candidates]
        slopes = dict(zip(candidates, internals.gradients(learning, loss, sources, on_failure), strict=True))
        by_key = {
            key: internals.gradients(tape, loss, [floats[key]], on_failure)[0] for key, tape in key_tapes.items()
        }
        record = objective.record
        value = float(tf.reduce_sum(loss))
        record = replace(record, tensor=trace.index(loss), value=value if np.isfinite(value) else None)
        return self._write(batch, outputs, slopes, by_key, record, None, missing)

    def _reached(self, tensors: Sequence[Any], handles: Sequence[Any]) -> list[int]:
        """Indices of the float tensors that watched tensors and variables lead to, in forward order."""
        trace = self.trace
        marked = {trace.index(tensor) for tensor in tensors}
        for handle in handles:
            marked.update(trace.versions(handle))
        for op in trace.ops:
            if any(index in marked for index in op.inputs):
                marked.update(op.outputs)
        return [
            index
            for index in sorted(marked)
            if trace.tensors[index] is not None
            and (is_float(trace.tensors[index].dtype.name) or trace.tensors[index].dtype == tf.resource)
        ]

    # -- failures --------------------------------------------------------------------------------------

    def _failure(self, error: Exception, batch: Batch) -> Failure:
        trace = self.trace
        file, line = source.traceback_frame(error)
        text = _plain(error)
        failed = trace.failed
        where = failed.layer if failed is not None else None
        if isinstance(error, (ValueError, TypeError, tf.errors.InvalidArgumentError, IndexError, RuntimeError)):
            kind = "dtype" if _DTYPE_WORDS.search(text) and not re.search(r"shape", text) else "shape"
            if _SHAPE_WORDS.search(text) or kind == "dtype":
                region = Region.MODEL if failed is not None else Region.LOSS
                if where is None and trace.calls:
                    where = self._last_layer()
                return Failure(
                    kind,
                    text,
                    region,
                    where,
                    type(failed.operation).__name__ if failed is not None else None,
                    _op_in(text),
                    file,
                    line,
                    tuple(tuple(trace.tensors[i].shape) for i in trace.failed_operands),
                    self._keys_behind(trace.failed_operands, batch),
                )
        place = f" in layer '{where}'" if where else ""
        at = f" ({file}:{line})" if file else ""
        raise ModelRunError(f"the model's own code failed{place}{at}: {type(error).__name__}: {text}") from error

    def _last_layer(self) -> str | None:
        """The layer that made the prediction: the last one that ran below the model itself."""
        named = [call for call in self.trace.calls if call.layer]
        return named[-1].layer if named else None

    def _keys_behind(self, tensors: Sequence[int], batch: Batch) -> tuple[str, ...]:
        trace = self.trace
        behind = set(tensors)
        for position in range(len(trace.ops) - 1, -1, -1):
            op = trace.ops[position]
            if any(index in behind for index in op.outputs):
                behind.update(op.inputs)
        return tuple(
            key for key, tensor in batch.inputs.items() if any(trace.index(part) in behind for part in _components(tensor))
        )

    # -- writing it down -------------------------------------------------------------------------------

    def _write(
        self,
        batch: Batch,
        outputs: Any,
        slopes: Mapping[int, Any],
        by_key: Mapping[str, Any],
        loss: LossRecord,
        failure: Failure | None,
        missing: Mapping[str, str],
    ) -> Recording:
        trace = self.trace
        reduced = {index: reduction.gradient_of(slope) for index, slope in slopes.items()}
        examined = _Examination(trace, slopes, reduced, missing) if failure is None else None
        suspicious = examined.is_suspicious(loss) if examined is not None else False
        ends = {trace.index(t) for t in keras.tree.flatten(outputs) if internals.is_eager(t)}
        tensors = tuple(
            self._tensor_record(index, reduced, suspicious or index in ends) for index in range(len(trace.tensors))
        )
        return Recording(
            ops=tuple(
                self._op_record(position, op, examined) for position, op in enumerate(trace.ops)
            ),
            tensors=tensors,
            calls=self._calls(),
            inputs=self._input_records(batch, by_key, failure is not None),
            variables=self._variable_records(slopes, reduced, failure is not None),
            outputs=self._output_records(outputs),
            labels=tuple(
                LabelRecord(
                    self.subject.label_keys.get(name, name), name, trace.index(tensor), tuple(tensor.shape), tensor.dtype.name
                )
                for name, tensor in batch.labels.items()
                if internals.is_eager(tensor)
            ),
            loss=loss,
            decisions=frozenset(trace.decisions),
            failure=failure,
            notes=tuple(self.notes),
        )

    def _tensor_record(self, index: int, reduced: Mapping[int, Gradient], with_values: bool) -> TensorRecord:
        tensor = self.trace.tensors[index]
        producer = self.trace.producers[index]
        if tensor is None:
            return TensorRecord((), "resource", producer, ABSENT)
        dtype = tensor.dtype.name
        if not is_float(dtype) and dtype != "resource":
            return TensorRecord(tuple(tensor.shape), dtype, producer, NOT_APPLICABLE)
        values = reduction.values_of(tensor) if with_values and is_float(dtype) else None
        return TensorRecord(tuple(tensor.shape), dtype, producer, reduced.get(index, ABSENT), values)

    def _op_record(self, position: int, op: Op, examined: _Examination | None) -> OpRecord:
        local, detail, mismatch = (
            examined.of(position) if examined is not None else ((Local.UNASKED,) * len(op.inputs), None, None)
        )
        return OpRecord(
            op.type,
            op.layer,
            op.file,
            op.line,
            op.region,
            tuple(op.inputs),
            tuple(op.outputs),
            local,
            _plain_attributes(op.attributes),
            op.enclosed,
            detail or op.detail,
            reduction.saturated_share(op.type, self.trace.tensors[op.outputs[0]]) if op.outputs else None,
            mismatch,
        )

    def _calls(self) -> tuple[LayerCall, ...]:
        return tuple(
            LayerCall(
                call.layer,
                type(call.operation).__name__,
                source.is_library_class(type(call.operation)),
                isinstance(call.operation, keras.Model),
                not isinstance(call.operation, keras.Layer),
                call.first,
                call.last,
                tuple(call.outputs),
                call.return_file,
                call.return_line,
            )
            for call in self.trace.calls
        )

    def _input_records(self, batch: Batch, by_key: Mapping[str, Any], failed: bool) -> tuple[InputRecord, ...]:
        records = []
        for key, tensor in batch.inputs.items():
            values = getattr(tensor, "flat_values", tensor)
            dtype = values.dtype.name
            if failed and is_float(dtype):
                gradient = Gradient(GradientState.UNKNOWN)
            elif not is_float(dtype):
                gradient = NOT_APPLICABLE
            else:
                gradient = reduction.gradient_of(by_key.get(key), counted=True)
            used = reduction.used_slices(by_key.get(key), len(values.shape))
            shape = tuple(int(n) for n in values.shape)
            records.append(InputRecord(key, self.trace.index(values), shape, dtype, gradient, used))
        return tuple(records)

    def _output_records(self, outputs: Any) -> tuple[OutputRecord, ...]:
        model = self.subject.model
        declined = declined_outputs(model) if model is not None else frozenset()
        names = list(getattr(model, "output_names", None) or [])
        records = []
        flat = keras.tree.flatten(outputs)
        keyed = _leaf_names(outputs)
        for number, tensor in enumerate(flat):
            values = getattr(tensor, "flat_values", tensor)
            if not internals.is_eager(values):
                continue
            name = keyed[number] or (names[number] if number < len(names) else f"output {number}")
            loss = "declined" if name in declined or (number < len(names) and names[number] in declined) else "omitted"
            index = self.trace.index(values)
            producer = self.trace.producers[index]
            layer = self.trace.ops[producer].layer if producer is not None else ""
            records.append(OutputRecord(name, index, layer, loss))
        return tuple(records)

    def _variable_records(
        self, slopes: Mapping[int, Any], reduced: Mapping[int, Gradient], failed: bool
    ) -> tuple[VariableRecord, ...]:
        trace = self.trace
        owners = _Owners(self.subject, trace)
        records = []
        learning = self._learning()
        tracked = {internals.tensor_id(internals.handle_of(variable)) for variable in learning}
        strays = [
            (variable, layer)
            for key, (variable, layer, region) in trace.variables.items()
            if key not in tracked and region is Region.MODEL and variable.trainable and is_float(variable.dtype.name)
        ]
        for variable in learning:
            handle = internals.handle_of(variable)
            first = trace.versions(handle)[0]
            gradient = reduced.get(first, ABSENT)
            if failed and variable.trainable:
                gradient = Gradient(GradientState.UNKNOWN)
            record = VariableRecord(
                _path_of(variable),
                first,
                tuple(int(n) for n in variable.shape),
                _dtype_of(variable),
                bool(variable.trainable),
                "",
                gradient,
            )
            if variable.trainable and not failed:
                value = tf.convert_to_tensor(internals.tf_variable(variable))
                equal = reduction.units_are_equal(value, slopes.get(first))
                record = replace(record, units_equal=equal, values=reduction.values_of(value))
            records.append(owners.describe(variable, record))
        for variable, layer in strays:
            index = trace.known(variable.handle)
            name = variable.name.split(":")[0].rpartition("/")[2]
            path = f"{layer}/{name}" if layer else name
            shape = tuple(int(n) for n in variable.shape)
            records.append(
                VariableRecord(path, index, shape, variable.dtype.name, True, layer, ABSENT, tracked=False, blamed=layer)
            )
        return tuple(records)


class _Owners:
    """Which layer a variable belongs to, and whose code decides whether it is used."""

    def __init__(self, subject: Subject, trace: Trace) -> None:
        self._called = {id(call.operation) for call in trace.calls}
        self._owner: dict[int, Any] = {}
        self._parent: dict[int, Any] = {}
        self._path: dict[int, str] = {}
        for root in (subject.model, *subject.learners):
            if isinstance(root, keras.Layer):
                self._walk(root, is_root=root is subject.model)
        for call in trace.calls:
            if call.layer:
                self._path.setdefault(id(call.operation), call.layer)

    def _walk(self, layer: Any, is_root: bool) -> None:
        if is_root:
            self._path[id(layer)] = ""
        for variable in [*layer._trainable_variables, *layer._non_trainable_variables]:
            self._owner.setdefault(id(variable), layer)
        for child in layer._flatten_layers(include_self=False, recursive=False):
            if id(child) not in self._parent and child is not layer:
                self._parent[id(child)] = layer
                self._walk(child, is_root=False)

    def describe(self, variable: Any, record: VariableRecord) -> VariableRecord:
        layer = self._owner.get(id(variable))
        if layer is None:
            return replace(record, layer=record.path.rpartition("/")[0])
        called = id(layer) in self._called
        blamed, child = layer, variable
        while id(blamed) not in self._called and id(blamed) in self._parent:
            blamed, child = self._parent[id(blamed)], blamed
        path = self._path.get(id(layer), record.path.rpartition("/")[0])
        record = replace(
            record,
            layer=path,
            owner_called=called,
            blamed=self._path.get(id(blamed), getattr(blamed, "path", None)),
            blamed_is_library=source.is_library_class(type(blamed)),
        )
        if record.gradient.state is GradientState.ABSENT and record.trainable:
            file, line = source.attribute_line(blamed, child)
            optional = source.reads_only_when_given(blamed, child)
            record = replace(record, file=file, line=line, optional=optional)
        return record


class _Examination:
    """What single operations do to the gradient, asked from their own gradient functions.

    The backward pass tells the state of every tensor. Between a tensor with a gradient and one without, the
    operation itself must be asked: it may be the culprit, or it may pass on a tensor that somebody else cut.
    """

    def __init__(
        self, trace: Trace, slopes: Mapping[int, Any], reduced: Mapping[int, Gradient], missing: Mapping[str, str]
    ) -> None:
        self._trace = trace
        self._slopes = slopes
        self._reduced = reduced
        self._missing = missing
        marked = set(slopes)
        for op in trace.ops:
            if any(index in marked for index in op.inputs):
                marked.update(op.outputs)
        self._marked = marked

    def is_suspicious(self, loss: LossRecord) -> bool:
        """Whether values must be looked at: something is zero or not finite."""
        states = {gradient.state for gradient in self._reduced.values()}
        return loss.value is None or GradientState.NONFINITE in states or GradientState.ZERO in states

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
        if not any(is_float(tensor.dtype.name) for tensor in outputs):
            return (Local.NONE,) * len(inputs), None, None
        slopes = [
            self._slopes.get(index) if use_real else tf.ones_like(tensors[index]) if is_float(tensors[index].dtype.name) else None
            for index in op.outputs
        ]
        try:
            results = internals.local_gradients(op.type, op.attributes, inputs, outputs, slopes)
        except LookupError as error:
            return (Local.UNREGISTERED,) * len(inputs), str(error), None
        except Exception as error:
            return (Local.RAISES,) * len(inputs), f"{type(error).__name__}: {error}"[:200], None
        local = tuple(_local_of(result, exact=use_real) for result in results[: len(inputs)])
        mismatch = None
        if use_real and Local.ZERO in local:
            mismatch = self._mismatch(op, inputs, outputs, slopes, local.index(Local.ZERO))
        return local, None, mismatch

    def _mismatch(
        self, op: Op, inputs: list[Any], outputs: list[Any], slopes: list[Any], operand: int
    ) -> float | None:
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
                moved = internals.execute(op.type, op.attributes, shifted, len(outputs))
            except Exception:
                return None
            change = sum(
                float(tf.reduce_sum(tf.cast((new - old) * tf.convert_to_tensor(slope), tf.float32)))
                for new, old, slope in zip(moved, outputs, slopes, strict=True)
                if slope is not None
            )
            moves.append(change / step)
        size = sum(float(tf.norm(tf.cast(tf.convert_to_tensor(s), tf.float32))) for s in slopes if s is not None) * scale
        # A slope is the same at both steps; a jump (rounding) or noise is not.
        if size == 0 or not np.all(np.isfinite(moves)) or abs(moves[0] - moves[1]) > 0.3 * max(abs(moves[0]), abs(moves[1])):
            return 0.0
        return abs(moves[0]) / size


def _is_slope(losses: Callable[[float], float], scale: float) -> bool:
    """Whether a loss has a slope in one direction: the same at two step sizes, and more than noise."""
    near, far = 1e-3 * scale, 2e-3 * scale
    values = [losses(step) for step in (near, -near, far, -far)]
    if not np.all(np.isfinite(values)):
        return False
    one, two = (values[0] - values[1]) / (2 * near), (values[2] - values[3]) / (2 * far)
    noise = 1e-5 * max(1e-6, max(abs(value) for value in values)) / near
    return abs(one) > noise and abs(one - two) < 0.3 * max(abs(one), abs(two))


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


def _local_of(result: Any, *, exact: bool) -> Local:
    if result is None:
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


def _variables_of(owner: Any) -> list[Any]:
    found = list(getattr(owner, "variables", [owner]))
    optimizer = getattr(owner, "optimizer", None)
    found.extend(getattr(optimizer, "variables", []) if optimizer is not None else [])
    found.extend(getattr(owner, "metrics_variables", []))
    return found


def _tensor(value: Any, dtype: str | None = None) -> Any:
    if isinstance(value, (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)):
        return value
    return tf.convert_to_tensor(value, dtype=dtype)


def _components(tensor: Any) -> list[Any]:
    if isinstance(tensor, (tf.RaggedTensor, tf.SparseTensor)):
        return [part for part in tf.nest.flatten(tensor, expand_composites=True) if internals.is_eager(part)]
    return [tensor]


def _path_of(variable: Any) -> str:
    return str(getattr(variable, "path", None) or variable.name.split(":")[0])


def _dtype_of(variable: Any) -> str:
    dtype = variable.dtype
    return str(getattr(dtype, "name", dtype))


def _leaf_names(outputs: Any) -> list[str | None]:
    if isinstance(outputs, Mapping):
        return ["/".join(str(part) for part in path) for path, _ in keras.tree.flatten_with_path(outputs)]
    return [None] * len(keras.tree.flatten(outputs))


def _plain(error: Exception) -> str:
    """The message of an error without TensorFlow's node names and Keras's dump of the arguments."""
    text = str(getattr(error, "message", None) or error)
    text = re.sub(r"\{\{function_node [^}]*\}\}\s*", "", text)
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text)
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = text.split("\n\nArguments received by")[0]
    text = re.sub(r"\s*\[Op:(\w+)\].*", r" [Op:\1]", text, flags=re.DOTALL)
    return " ".join(text.split())[:400]


def _op_in(text: str) -> str | None:
    match = re.search(r"\[Op:(\w+)\]", text)
    return match.group(1) if match else None


def _plain_attributes(attributes: tuple[Any, ...]) -> dict[str, object]:
    pairs = dict(zip(attributes[::2], attributes[1::2], strict=False)) if attributes else {}
    return {str(k): v for k, v in pairs.items() if isinstance(v, (bool, int, float, str))}
