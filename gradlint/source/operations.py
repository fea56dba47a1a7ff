"""Which inputs of a library's function reach its result as values that a tape can follow.

The names are the last parts of dotted ones: `tf.round`, `tf.math.round`, `keras.ops.round` and `K.round` are one.
"""

from __future__ import annotations

from enum import Enum

from gradlint import departures
from gradlint.source.names import is_library, is_numpy, last, words
from gradlint.source.values import Kind, Value


class Stop(Enum):
    """Why no gradient comes back through a call."""

    PYTHON = "python"
    PREDICT = "predict"
    DISCRETE = "discrete"
    ASSIGN = "assign"


CONSTANTS = words(
    """
    shape size rank ndim zeros_like ones_like zeros ones range eye arange linspace normal uniform randint
    categorical print get_shape int_shape random_normal random_uniform truncated_normal shuffle
    unique_with_counts assert_equal assert_greater assert_less scalar histogram image trace seed type
    isinstance len hasattr id str repr is_tensor ndim count_params get_static_value
    """
)
"""Results that do not depend on the values of an argument, or on none that matters."""

DETACHED = frozenset({"stop_gradient"})

DISCRETE = words(
    """
    round rint floor ceil argmax argmin argsort sign equal not_equal greater greater_equal less less_equal
    logical_and logical_or logical_not logical_xor one_hot searchsorted bucketize count_nonzero floor_div
    floordiv floor_divide in_top_k histogram_fixed_width isnan isinf is_finite binary_accuracy
    categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy
    """
)

_FIRST = words(
    """
    gather gather_nd take embedding_lookup boolean_mask reshape tile slice strided_slice transpose expand_dims
    squeeze broadcast_to repeat pad clip_by_norm roll reverse split unstack cumsum reduce_sum reduce_mean
    reduce_max reduce_min reduce_prod reduce_logsumexp reduce_std reduce_variance reduce_any reduce_all
    softmax log_softmax segment_sum top_k cast identity ensure_shape
    """
)
_CHOSEN = {
    "where": (1, 2),
    "cond": (1, 2),
    "switch_case": (1,),
    "tensor_scatter_nd_update": (0, 2),
    "tensor_scatter_nd_add": (0, 2),
    "scatter_nd": (1,),
    "fill": (1,),
    "concat": (0,),
    "stack": (0,),
}
_PLAIN_KEYWORDS = words(
    """
    axis axes name shape dtype keepdims training perm indices mask depth num seed batch_dims reduction
    from_logits sample_weight pad_to_max_length condition pred Tout back_prop parallel_iterations
    fn_output_signature
    """
)

PREDICTORS = words(
    """
    predict predict_on_batch predict_generator evaluate test_on_batch train_on_batch evaluate_generator
    predict_classes predict_proba
    """
)
_PYTHON_FUNCTIONS = departures.FUNCTIONS.union(f"builtins.{name}" for name in departures.NUMBERS)
INTEGERS = words(
    """
    int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool int long bool_ int_ intc
    """
)


def dtype_name(value: Value | None) -> str:
    """`int32` for `tf.int32`, `'int32'`, `np.int32`; nothing for what the file does not show."""
    if value is None:
        return ""
    if isinstance(value.literal, str):
        return value.literal
    return last(value.name) if value.kind is Kind.NAME else ""


def stop_of(call: Value) -> Stop | None:
    """Why no gradient comes back through this call, whatever comes in; of calls by dotted name."""
    name = call.name
    if not name:
        return None
    if name in _PYTHON_FUNCTIONS:
        return Stop.PYTHON
    if is_numpy(name):
        return None if last(name) in CONSTANTS else Stop.PYTHON
    if not is_library(name) or name.startswith("builtins."):
        return None
    if last(name) in DISCRETE:
        return Stop.DISCRETE
    if last(name) == "cast" and dtype_name(call.argument(1, "dtype")) in INTEGERS:
        return Stop.DISCRETE
    if last(name) == "where" and len(call.arguments) == 1 and not call.keywords:
        return Stop.DISCRETE
    if last(name) in ("to_int32", "to_int64"):
        return Stop.DISCRETE
    return None


def value_inputs(call: Value) -> list[Value]:
    """The arguments of a library's function whose values reach the result."""
    name = last(call.name)
    if name in CONSTANTS or name in DETACHED:
        return []
    given = call.arguments
    if name in _FIRST:
        given = given[:1]
    elif name in _CHOSEN:
        given = [given[index] for index in _CHOSEN[name] if index < len(given)]
    named = call.inputs[len(call.inputs) - len(call.keywords) :]
    return [
        *given,
        *(value for key, value in zip(call.keywords, named, strict=True) if key not in _PLAIN_KEYWORDS),
    ]


PLAIN_ATTRIBUTES = frozenset({"shape", "dtype", "ndim", "size", "rank", "name", "device", "batch_size", "__class__"})
PLAIN_METHODS = frozenset({"get_shape", "dim", "set_shape", "keys", "get_config", "count_params", "summary", "format"})
