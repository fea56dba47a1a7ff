"""From a live run to a recording: every tensor, operation, variable and output, reduced to plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from gradlint.operations import Trait, has
from gradlint.record import reduction, source, tensors
from gradlint.record.backward import gradient_in
from gradlint.record.examination import Examination
from gradlint.record.firststep import start_of
from gradlint.record.labelling import named_outputs
from gradlint.record.objective import Batch, declined_outputs, loss_objects
from gradlint.record.owners import Owners
from gradlint.record.recording import (
    ABSENT,
    NOT_APPLICABLE,
    NOT_REDUCED,
    Failure,
    Gradient,
    Hidden,
    InputRecord,
    LabelRecord,
    LayerCall,
    LossRecord,
    OpRecord,
    OutputRecord,
    Recording,
    TensorRecord,
    Unreduced,
    Values,
    VariableRecord,
    calls_for_a_look,
)
from gradlint.record.terms import Local, Omission, Region, is_float
from gradlint.result import GradientState
from gradlint.upstream import eager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.record.ledger import Op
    from gradlint.record.run import Run
    from gradlint.record.start import Start


@dataclass(frozen=True, slots=True)
class Backward:
    """What the tapes gave.

    Attributes:
        outputs: of the model, in its own nesting.
        loss: how the loss came about, with its tensor.
        slopes: gradient by tensor index, from the tape over all that should learn, as far as somebody needs it.
        reduced: the same, of all that inputs and variables lead to.
        by_key: gradient by input key, from the tape of that key.
        failure: what ended the run before there was a loss.
    """

    outputs: Any
    loss: LossRecord
    slopes: Mapping[int, Any]
    reduced: Mapping[int, Gradient]
    by_key: Mapping[str, Any]
    failure: Failure | None = None


def recording_of(run: Run, batch: Batch, backward: Backward) -> Recording:
    """Reduce a run and its gradients."""
    trace, failure, reduced = run.trace, backward.failure, backward.reduced
    examination = Examination(trace, backward.slopes, reduced) if failure is None else None
    saturated = [None if run.is_symbolic else _saturated(run, op) for op in trace.ops]
    outputs = _outputs(run, backward.outputs)
    own_loss = backward.loss.file, backward.loss.line
    is_looked_at = (
        not run.is_symbolic
        and failure is None
        and (
            run.subject.reduces_all
            or calls_for_a_look(backward.loss, reduced.values(), saturated, run.subject.thresholds.saturated_share)
        )
    )
    valued = set(range(len(trace.tensors))) if is_looked_at else {output.tensor for output in outputs}
    return Recording(
        ops=tuple(
            _op(run, position, op, examination, saturated[position], own_loss) for position, op in enumerate(trace.ops)
        ),
        tensors=tuple(_tensor(run, index, reduced, index in valued) for index in range(len(trace.tensors))),
        calls=_calls(run),
        inputs=_inputs(run, batch, backward),
        variables=_variables(run, backward, reduced),
        outputs=outputs,
        labels=_labels(run, batch),
        loss=backward.loss,
        decisions=frozenset(trace.decisions),
        failure=failure,
        is_looked_at=is_looked_at,
        start=_start(run, batch, backward) if run.is_first else None,
    )


def _start(run: Run, batch: Batch, backward: Backward) -> Start:
    outputs = backward.outputs if backward.failure is None else None
    return start_of(run, batch, outputs, backward.slopes, backward.loss)


def _tensor(run: Run, index: int, reduced: Mapping[int, Gradient], with_values: bool) -> TensorRecord:
    tensor, producer = run.trace.tensors[index], run.trace.producers[index]
    if tensor is None:
        return TensorRecord((), "resource", producer, ABSENT)
    dtype = tensor.dtype.name
    if not is_float(dtype) and dtype != "resource":
        return TensorRecord(tensors.shape_of(tensor), dtype, producer, NOT_APPLICABLE)
    values: Values | Unreduced | None = NOT_REDUCED
    if run.is_symbolic or not is_float(dtype):
        values = None
    elif with_values:
        values = reduction.values_of(tensor)
    return TensorRecord(tensors.shape_of(tensor), dtype, producer, reduced.get(index, ABSENT), values)


def _saturated(run: Run, op: Op) -> float | None:
    output = run.trace.tensors[op.outputs[0]] if op.outputs else None
    if output is None:
        return None
    return reduction.saturated_share(op.type, output, run.subject.thresholds.saturated_slope)


def _op(
    run: Run,
    position: int,
    op: Op,
    examination: Examination | None,
    saturated: float | None,
    own_loss: tuple[str | None, int | None],
) -> OpRecord:
    local: tuple[Local, ...] = (Local.UNASKED,) * len(op.inputs)
    detail, mismatch = None, None
    if examination is not None:
        local, detail, mismatch = examination.of(position)
    return OpRecord(
        type=op.type,
        layer=op.layer,
        file=op.file,
        line=op.line,
        region=op.region,
        inputs=tuple(op.inputs),
        outputs=tuple(op.outputs),
        local=local,
        enclosed=op.enclosed,
        detail=detail or op.detail,
        saturated=saturated,
        is_backward=op.is_backward,
        mismatch=mismatch,
        is_levelling=not run.is_symbolic and _levels(run, op),
        loss_line=op.outer.line if op.outer and (op.outer.file, op.outer.function) == own_loss else None,
    )


def _levels(run: Run, op: Op) -> bool:
    """Whether an operation makes all of its whole numbers one and the same."""
    outputs = [run.trace.tensors[index] for index in op.outputs]
    if has(op.type, Trait.READS_SHAPE) or not all(reduction.is_level(output) for output in outputs) or not outputs:
        return False
    operands = (run.trace.tensors[index] for index in op.inputs)
    return any(reduction.is_level(operand) is False for operand in operands)


def _calls(run: Run) -> tuple[LayerCall, ...]:
    return tuple(
        LayerCall(
            layer=call.layer,
            class_name=type(call.operation).__name__,
            is_library=source.is_library_class(type(call.operation)),
            is_model=isinstance(call.operation, keras.Model),
            is_operation=not isinstance(call.operation, keras.Layer),
            first=call.first,
            last=call.last,
            outputs=tuple(call.outputs),
            return_file=call.return_file,
            return_line=call.return_line,
            given=tuple(call.given),
            caller_file=call.frames[0].file if call.frames else None,
            caller_line=call.frames[0].line if call.frames else None,
            names_first_axis=_names_first_axis(call.operation),
        )
        for call in run.trace.calls.all
    )


def _names_first_axis(layer: Any) -> bool:
    """Whether a layer was given the axis of the samples to work along."""
    axes = [getattr(layer, "axis", None), getattr(layer, "axes", None)]
    if isinstance(layer, keras.layers.MultiHeadAttention):
        axes.append(layer.get_config().get("attention_axes"))
    return any(0 in axis if isinstance(axis, (list, tuple)) else axis == 0 for axis in axes)


def _inputs(run: Run, batch: Batch, backward: Backward) -> tuple[InputRecord, ...]:
    records = []
    for key, tensor in batch.inputs.items():
        values: Any = tensors.numbers(tensor)
        dtype, shape = values.dtype.name, tuple(int(length) for length in values.shape)
        slope = backward.by_key.get(key)
        if not is_float(dtype):
            gradient = NOT_APPLICABLE
        elif backward.failure is not None:
            gradient = Gradient(GradientState.UNKNOWN)
        else:
            gradient = gradient_in(run, slope, counted=True)
        used = () if run.is_symbolic else reduction.used_slices(slope, len(shape))
        records.append(InputRecord(key, run.trace.index(values), shape, dtype, gradient, used))
    return tuple(records)


def _labels(run: Run, batch: Batch) -> tuple[LabelRecord, ...]:
    keys = run.subject.label_keys
    return tuple(
        LabelRecord(keys.get(name, name), name, run.trace.index(tensor), tuple(tensor.shape), tensor.dtype.name)
        for name, tensor in batch.labels.items()
        if eager.is_eager(tensor)
    )


def _outputs(run: Run, outputs: Any) -> tuple[OutputRecord, ...]:
    model, trace = run.subject.model, run.trace
    declined = declined_outputs(model) if model is not None else frozenset()
    records = []
    for name, values in named_outputs(model, outputs):
        index = trace.index(values)
        producer = trace.producers[index]
        layer = trace.ops[producer].layer if producer is not None else ""
        records.append(OutputRecord(name, index, layer, name in declined))
    return tuple(records)


def _variables(run: Run, backward: Backward, reduced: Mapping[int, Gradient]) -> tuple[VariableRecord, ...]:
    owners = Owners(run.subject, run.trace)
    described = [
        owners.describe(variable, _tracked(run, path, variable, backward, reduced))
        for path, variable in zip(run.paths(), run.learning(), strict=True)
    ]
    if any(record.left_out is not None and record.left_out.omission is Omission.UNASKED for record in described):
        described = [
            replace(record, hidden=owners.hidden.get(eager.tensor_id(run.handle(variable))))
            for record, variable in zip(described, run.learning(), strict=True)
        ]
    return (*described, *_strays(run, owners))


def _tracked(run: Run, path: str, variable: Any, backward: Backward, reduced: Mapping[int, Gradient]) -> VariableRecord:
    index = run.trace.versions(run.handle(variable))[0]
    # Keras asks the outermost model alone whether anything is trainable, and then each variable.
    is_overruled = bool(variable.trainable) and run.is_frozen
    record = VariableRecord(
        path=path,
        tensor=index,
        shape=tuple(int(length) for length in variable.shape),
        dtype=tensors.dtype_of(variable),
        trainable=bool(variable.trainable) and not is_overruled,
        layer="",
        gradient=reduced.get(index, ABSENT),
        is_overruled=is_overruled,
    )
    if not record.trainable:
        return record
    left_out = run.left_out.get(eager.tensor_id(run.handle(variable)))
    if left_out is not None:
        record = replace(record, gradient=ABSENT, left_out=left_out)
    if backward.failure is not None:
        return replace(record, gradient=Gradient(GradientState.UNKNOWN))
    if run.is_symbolic:
        return record
    value = tf.convert_to_tensor(eager.tf_variable(variable))
    return replace(
        record,
        values=reduction.values_of(value),
        units_equal=reduction.units_are_equal(value, backward.slopes.get(index)),
    )


def _of_others(run: Run) -> set[int]:
    """Handles that networks list which a loss function or a step calls beside the model, and asks no gradient for.

    They are read and not meant to learn: the critic of an actor, a teacher, the network of a perceptual loss.
    """
    found: set[int] = set()
    end = -1
    for call in run.trace.calls.all:
        if call.first >= end:  # It is inside of no other call.
            end = call.last
            listed = getattr(call.operation, "variables", ())
            found.update(eager.tensor_id(run.handle(v)) for v in listed if hasattr(eager.tf_variable(v), "handle"))
    return found - run.trace.tapes.asked


def _holder(run: Run, variable: Any) -> tuple[Any, str]:
    """What has a variable that should learn in an attribute, and in which; nobody assigns to it there. (None, "")."""
    subject = run.subject
    for owner in (*subject.owners, *loss_objects(subject.model, getattr(subject, "loss", None))):
        names = [name for name, value in vars(owner).items() if eager.tf_variable(value) is variable]
        if names and not source.is_assigned(owner, names):
            return owner, names[0]
    return None, ""


def _strays(run: Run, owners: Owners) -> list[VariableRecord]:
    """Trainable variables that layers, or a loss that they or its model hold, read and the model does not list."""
    tracked = {eager.tensor_id(run.handle(variable)) for variable in run.learning()} | _of_others(run)
    records = []
    for key, (variable, layer, region) in run.trace.variables.items():
        if key in tracked or not variable.trainable or not is_float(tensors.dtype_of(variable)):
            continue
        place = owners.hidden.get(key)
        if region is not Region.MODEL:
            owner, attribute = _holder(run, variable)
            if owner is None:
                continue
            if isinstance(owner, keras.losses.Loss):
                where = source.attribute_line(owner, vars(owner)[attribute])
                layer, place = "", Hidden("", attribute, type(owner).__name__, *where, is_loss=True)
        name = variable.name.split(":")[0].rpartition("/")[2]
        records.append(
            VariableRecord(
                path=f"{layer}/{name}" if layer else name,
                tensor=run.trace.known(run.handle(variable)),
                shape=tuple(int(length) for length in variable.shape),
                dtype=tensors.dtype_of(variable),
                trainable=True,
                layer=layer,
                gradient=ABSENT,
                tracked=False,
                blamed=layer,
                hidden=place,
            )
        )
    return records
