"""What went wrong when a run ended with an error about shapes or dtypes."""

from __future__ import annotations

import functools
import os
import re
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from gradlint.cells import line_as_typed
from gradlint.errors import ModelRunError, SampleError, UnknownVersionError, UsageError
from gradlint.load.limits import size_text
from gradlint.load.model.live import spec_from_model
from gradlint.load.spec import quoted
from gradlint.record import source
from gradlint.record.error_text import plain
from gradlint.record.recording import Failure
from gradlint.record.terms import Region
from gradlint.upstream import models
from gradlint.upstream.libraries import is_framework_file, is_stand_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType

    from gradlint.record.ledger import Place
    from gradlint.record.objective import Batch
    from gradlint.record.run import Run
    from gradlint.record.trace import Trace

_SHAPE_WORDS = re.compile(
    r"is not in \[0|out of range|valid range|shape|(?<![a-z])rank|dimension|ndim|incompatible|broadcast|same length|"
    r"must match|mismatch|(?<![a-z])axis|(?<![a-z])size|concat",
    re.IGNORECASE,
)
_DTYPE_WORDS = re.compile(
    r"dtype|type conversion|expected to be an? \w+ tensor but is|type \w+ that does not match|data type", re.IGNORECASE
)


# What is called so is no word of the error: `Existing layers are: ['reshape', 'concat']`.
_NAMES = re.compile(r"""\[(?:'[^']*'|"[^"]*")(?:, ?(?:'[^']*'|"[^"]*"))*\]""")

# Ids that are floats: the text goes on with the attributes of the operation, whatever they speak of.
_NOT_OF_DTYPES = re.compile(r"Value for attr '\w+' of \w+ is not in the list of allowed values")

# How TensorFlow words an exception of the Python function of a `tf.py_function`: it goes through C++ as a text.
_OF_PYTHON_FUNCTION = re.compile(
    r'(?:\{\{[^}]*\}\}\s*)?(\w+: .*?)\s*Traceback \(most recent call last\):\s*File "', re.DOTALL
)
_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Raised:
    """What was raised, and where."""

    text: str
    """With the name of its type."""
    is_framework: bool
    """TensorFlow or Keras raised it, and not the code that uses them or that they call."""
    file: str | None
    line: int | None


def _raised(error: Exception) -> _Raised:
    """Where an exception comes from that the frameworks may have worded anew.

    AutoGraph, and parts of Keras, catch what the code that they call raises and raise an exception of their own. What
    the user's own code makes of an exception that it catches is its own.
    """
    file, line = source.traceback_frame(error)
    if isinstance(error, tf.errors.OpError) and (told := _OF_PYTHON_FUNCTION.match(str(error))):
        inner_file, inner_line = _FRAME.findall(str(error))[-1]
        return _Raised(told.group(1), is_framework_file(inner_file), inner_file, int(inner_line))
    if _is_asserted(_frames(error)) or _is_converted(_frames(error)):
        return _Raised(f"{type(error).__name__}: {plain(error)}", False, file, line)
    inner = error.__context__
    while isinstance(inner, Exception) and inner.__traceback__ and _is_framework(inner.__traceback__.tb_frame):
        error, inner = inner, inner.__context__
    text = f"{type(error).__name__}: {plain(error)}"
    frames = _frames(error)
    return _Raised(text, bool(frames) and _is_framework(frames[-1]), file, line)


def _frames(error: Exception) -> list[FrameType]:
    """The stack of an error, without what stands in for functions of the frameworks."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return [frame for frame in frames if not is_stand_in(frame.f_code.co_filename)]


def _is_framework(frame: FrameType) -> bool:
    return is_framework_file(frame.f_code.co_filename)


def _is_asserted(frames: Sequence[FrameType]) -> bool:
    """Whether code that is no framework's asserted something about values: what then is raised is its own."""
    last = max((at for at, frame in enumerate(frames) if not _is_framework(frame)), default=len(frames))
    wrappers, assertions = _assertions()
    folder = os.path.dirname(tf.debugging.Assert.__code__.co_filename)  # of what is around every function
    codes = (frame.f_code for frame in frames[last + 1 :])
    inner = (code for code in codes if code not in wrappers and os.path.dirname(code.co_filename) != folder)
    return next(inner, None) in assertions


def _is_converted(frames: Sequence[FrameType]) -> bool:
    """Whether code that is no framework's asked a tensor for a plain value that it is not: `int(action)` of two."""
    last = max((at for at, frame in enumerate(frames) if not _is_framework(frame)), default=len(frames))
    return any(frame.f_code.co_name in _CONVERSIONS for frame in frames[last + 1 :][:1])


_CONVERSIONS = frozenset(
    {"__int__", "__float__", "__complex__", "__index__", "__bool__", "__nonzero__", "__len__", "__iter__", "__array__"}
)
"""What Python calls for a plain value of a tensor; `numpy` never fails for a shape or a dtype."""


@functools.cache
def _assertions() -> tuple[frozenset[CodeType], frozenset[CodeType]]:
    """What TensorFlow wraps around its assertions about values, and these themselves."""
    wrappers: set[CodeType] = set()
    assertions: set[CodeType] = set()
    for room in (tf.debugging, tf.compat.v1.debugging):
        for name in dir(room):
            if (name.startswith("assert_") and name not in _OF_FORM) or name in ("Assert", "check_numerics"):
                function = getattr(room, name)
                while hasattr(function, "__wrapped__"):
                    wrappers.add(function.__code__)
                    function = function.__wrapped__
                assertions.add(function.__code__)
    return frozenset(wrappers), frozenset(assertions)


TRAIN_STEP, STEP = "train_step", "the step"
OF_STEPS = (TRAIN_STEP, STEP)
"""Parts of a run that do other things than to compare a prediction: the layer before is not concerned."""

_OF_FORM = frozenset(
    {
        *("assert_rank", "assert_rank_at_least", "assert_rank_in", "assert_shapes", "assert_scalar", "assert_type"),
        *("assert_integer", "assert_same_float_dtype", "assert_proper_iterable"),
    }
)
"""Assertions about shapes and dtypes, which tell what a finding would."""


def failure_of(run: Run, error: Exception, batch: Batch) -> Failure:
    """Tell what TensorFlow and Keras raise about shapes and dtypes from any other error.

    Raises:
        ModelRunError: it is another one; the message says where.
        UnknownVersionError: it was not the model's code that failed.
    """
    if isinstance(error, (UnknownVersionError, UsageError, SampleError)):
        raise error
    trace = run.trace
    raised = _raised(error)
    text = plain(error)
    failed = trace.calls.failed
    where = failed.layer if failed is not None else None
    needs_values = run.is_symbolic and _needs_values(error, text)
    if (
        raised.is_framework
        and not needs_values
        and isinstance(error, (ValueError, TypeError, tf.errors.InvalidArgumentError, IndexError, RuntimeError))
    ):
        # A tensor or a variable in an error has a shape and a dtype of its own.
        said = _NAMES.sub("", re.sub(r"<tf\.\w+[^>]*>|tf\.Tensor\(.*?dtype=\w+\)", "", text))
        is_of_dtypes = _DTYPE_WORDS.search(said) and not re.search(r"shape", said)
        kind = "dtype" if is_of_dtypes or _NOT_OF_DTYPES.search(said) else "shape"
        if _SHAPE_WORDS.search(said) or kind == "dtype":
            region = Region.MODEL if failed is not None else Region.LOSS
            part = _outside(error, run.outside)
            if where is None and part not in OF_STEPS:
                where = _last_layer(trace)
            return Failure(
                kind,
                text,
                region,
                where,
                type(failed.operation).__name__ if failed is not None else None,
                _op_in(str(error)),
                raised.file,
                raised.line,
                tuple(tuple(trace.tensors[i].shape) for i in trace.calls.failed_operands),
                run.keys_behind(trace.calls.failed_operands, batch),
                part,
            )
    in_loss = failed is None and run.subject.model is not None and bool(trace.calls.all)
    place = f" in layer '{where}'" if where else " in the loss" if in_loss else ""
    at = f" ({line_as_typed(raised.file, raised.line)})" if raised.file else ""
    message = f"the model's own code failed{place}{at}: {raised.text}"
    outputs = spec_from_model(run.subject.model).outputs if in_loss and set(batch.labels) == {""} else ()
    if len(outputs) > 1 and "Expected an instance of" in raised.text:  # the structure of the labels, Keras's words
        names = ", ".join(f"'y:{output}'" for output in outputs)
        message = (
            f"the labels are one array, and the compiled loss reads some for each of the outputs: call them {names}"
        )
    elif len(outputs) > 1:
        message += f"; the model has the outputs {quoted(outputs)}: give labels for each, such as 'y:{outputs[0]}'"
    if isinstance(error, AttributeError):
        message += advice_on_compile(run.subject.model)
    raise ModelRunError(message) from error


def advice_on_compile(model: Any) -> str:
    """What to do where a model lacks what its own `compile` would have given it; empty where that is not so."""
    if not models.is_compiled_in_name_only(model):
        return ""
    return (
        f"; Keras loads {type(model).__name__} without calling its own compile(): override get_compile_config() and "
        "compile_from_config() in it, or check the compiled model in Python with gradlint.check(model, sample)"
    )


def no_room(run: Run, place: Place) -> ModelRunError:
    """What is said when a run makes more than it may."""
    layer = f" in layer {place.layer!r}" if place.layer else ""
    line = f" ({place.file}:{place.line})" if place.file else ""
    return ModelRunError(
        f"what the model makes{layer}{line} takes more than {size_text(run.subject.room or 0)}, and all of it is "
        "kept until its gradients are known; use --depth structure, give fewer examples, or raise --limit memory=SIZE"
    )


def _outside(error: Exception, found: str) -> str:
    """What failed if it was no layer: a metric, a loss of Keras's, a `train_step`, or else what ran."""
    traceback = error.__traceback__
    while traceback is not None:
        code, owner = traceback.tb_frame.f_code, traceback.tb_frame.f_locals.get("self")
        if isinstance(owner, keras.metrics.Metric):
            return f"the metric '{owner.name}'"
        if isinstance(owner, keras.losses.Loss):
            return "the loss"
        if isinstance(owner, keras.Model) and code.co_name == "train_step":
            found = TRAIN_STEP
        traceback = traceback.tb_next
    return found


# What TensorFlow says when code that builds a graph asks for what only a run has.
_WANTS_VALUES = re.compile(r"unknown rank|symbolic|tf\.function|init_scope|as_list\(\) is not defined", re.IGNORECASE)


def _needs_values(error: Exception, text: str) -> bool:
    return isinstance(error, tf.errors.OperatorNotAllowedInGraphError) or bool(_WANTS_VALUES.search(text))


def _last_layer(trace: Trace) -> str | None:
    """The layer that made the prediction: the last one that ran below the model itself."""
    named = [call for call in trace.calls.all if call.layer]
    return named[-1].layer if named else None


def _op_in(text: str) -> str | None:
    match = re.search(r"\[Op:(\w+)\]", text)
    return match.group(1) if match else None
