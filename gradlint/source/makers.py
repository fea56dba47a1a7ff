"""What a value is by the call that made it: a constant tensor, integers, a layer with weights, an optimizer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.source.expressions import settled
from gradlint.source.names import is_library, is_tensorflow, last, words
from gradlint.source.operations import INTEGERS, dtype_name
from gradlint.source.values import Kind, Scope, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint.source.module import Module

CONSTANT_MAKERS = words(
    """
    constant convert_to_tensor zeros ones fill range linspace eye normal uniform truncated_normal gamma
    poisson array asarray arange rand randn random random_sample randint full zeros_like ones_like
    random_normal random_uniform meshgrid stateless_normal stateless_uniform float32 float64 loadtxt load
    """
)
_TENSOR_MAKERS = words(
    """
    constant convert_to_tensor identity cast clip_by_value expand_dims squeeze reshape transpose tile concat stack pad
    resize central_crop per_image_standardization maximum minimum
    """
)
_LITERAL_FIRST = frozenset({"constant", "convert_to_tensor", "Variable", "array", "asarray", "range", "arange"})
_DTYPE_AT = {
    "constant": 1, "convert_to_tensor": 1, "zeros": 1, "ones": 1, "cast": 1, "array": 1, "asarray": 1, "eye": 4,
    "Variable": 4, "zeros_like": 1, "ones_like": 1,
}  # fmt: skip

WEIGHTED_LAYERS = words(
    """
    Dense EinsumDense Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution2D
    SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D LocallyConnected1D LocallyConnected2D LSTM
    GRU SimpleRNN ConvLSTM1D ConvLSTM2D ConvLSTM3D LSTMCell GRUCell SimpleRNNCell Embedding BatchNormalization
    LayerNormalization GroupNormalization UnitNormalization MultiHeadAttention GroupQueryAttention PReLU
    SyncBatchNormalization
    """
)

_COMPILED_LOSSES = {"compute_loss": 2, "compiled_loss": 1, "loss": 1}
"""Where a Keras model's own losses take the prediction."""

LAYER_BASES = frozenset({"keras.Model", "keras.Sequential", "keras.layers.Layer", "keras.Layer", "keras.Functional"})
MODULE_BASES = frozenset({"tensorflow.Module"})


def is_constant_tensor(value: Value) -> bool:
    """Whether a tensor is a constant or a random one, that no tape watches by itself."""
    origin = settled(value)
    if origin.kind is Kind.CALL and (
        is_library(origin.name) and not origin.name.startswith(("builtins.", "keras.layers"))
    ):
        name = last(origin.name)
        if name == "cast":
            return bool(origin.arguments) and is_constant_tensor(origin.arguments[0])
        if name in ("convert_to_tensor", "asarray", "constant", "array") and origin.arguments:
            return is_data(origin.arguments[0])
        return name in CONSTANT_MAKERS
    if origin.kind is Kind.CALL and origin.callee.kind is Kind.ATTRIBUTE and origin.callee.name == "astype":
        return is_constant_tensor(origin.callee.inputs[0])
    return False


def is_computed_tensor(value: Value) -> bool:
    """Whether a function of TensorFlow made a tensor, and no variable, whatever it was given."""
    origin = settled(value)
    return origin.kind is Kind.CALL and is_tensorflow(origin.name) and last(origin.name) in _TENSOR_MAKERS


def is_data(value: Value) -> bool:
    """Whether a value is made of literals, or of constant tensors and arrays."""
    origin = settled(value)
    if origin.kind in (Kind.CONSTANT,):
        return True
    if origin.kind in (Kind.SEQUENCE, Kind.OPERATION):
        return all(is_data(each) for each in origin.inputs)
    return is_constant_tensor(origin)


def is_integer(value: Value) -> bool:
    """Whether a tensor, or a variable, holds integers, as its literal or its dtype says."""
    origin = settled(value)
    if origin.kind is not Kind.CALL or not is_library(origin.name) or origin.name.startswith("builtins."):
        return False
    name = last(origin.name)
    given = origin.keyword("dtype")
    if given is None and name in _DTYPE_AT:
        given = origin.argument(_DTYPE_AT[name])
    if given is not None:
        return dtype_name(given) in INTEGERS - {"int"} or dtype_name(given) == "int"
    if None in origin.keywords:
        return False
    if name in _LITERAL_FIRST and origin.arguments:
        if name in ("range", "arange"):
            return all(_is_integer_literal(each) for each in origin.arguments)
        first = settled(origin.arguments[0])
        return _is_integer_literal(first) or (name != "array" and is_integer(first))
    return name in ("randint", "argmax", "argmin", "argsort")


def _is_integer_literal(value: Value) -> bool:
    origin = settled(value)
    if origin.kind is Kind.SEQUENCE:
        return bool(origin.inputs) and all(_is_integer_literal(each) for each in origin.inputs)
    return isinstance(origin.literal, int) and not isinstance(origin.literal, bool)


def is_weighted_layer(call: Value) -> bool:
    """Whether a call makes a Keras layer that has weights."""
    return call.kind is Kind.CALL and call.name.startswith("keras.layers.") and last(call.name) in WEIGHTED_LAYERS


def makes_variable(call: Value) -> bool:
    """Whether a call makes a `tf.Variable`."""
    return call.kind is Kind.CALL and call.name in ("tensorflow.Variable", "keras.Variable")


def is_layer_class(module: Module, scope: Scope, bases: frozenset[str] = LAYER_BASES) -> bool:
    """Whether a class of the file is a Keras layer or model, through bases that the file shows."""
    for each in module.family(scope):
        for base in each.bases:
            origin = settled(base)
            if origin.kind is Kind.NAME and (
                origin.name in bases
                or origin.name.startswith("keras.layers.")
                or origin.name.startswith("keras.applications.")
            ):
                return True
    return False


def prediction_of(module: Module, call: Value) -> Value | None:
    """The prediction that a model of this file hands to its own compiled loss; None for all other calls.

    What the layers add to the loss comes with it, and is no way back to what the prediction is made of.
    """
    callee = settled(call.callee)
    if callee.kind is not Kind.ATTRIBUTE or callee.name not in _COMPILED_LOSSES or module.attribute_bindings(callee):
        return None
    owner = module.receiver_class(callee.inputs[0])
    if owner is None or any(callee.name in each.children for each in module.family(owner)):
        return None
    bases = [settled(base) for each in module.family(owner) for base in each.bases]
    if not all(base.kind is Kind.CLASS or base.name in ("keras.Model", "keras.Sequential") for base in bases):
        return None  # a class that the file does not show may have a loss of its own
    return call.argument(_COMPILED_LOSSES[callee.name], "y_pred")


def is_made(module: Module, value: Value, fits: Callable[[Value], bool], depth: int = 0) -> bool:
    """Whether a value, or all that is bound to an attribute, is for certain a call that fits."""
    origin = settled(value)
    if origin.kind is Kind.ATTRIBUTE and depth < 4:
        bound = module.attribute_bindings(origin)
        return bool(bound) and all(is_made(module, each, fits, depth + 1) for each in bound if each is not origin)
    return origin.kind is Kind.CALL and fits(origin)


def is_optimizer(module: Module, value: Value) -> bool:
    """Whether an object is an optimizer of Keras that this file makes."""

    def is_of_keras(call: Value) -> bool:
        parts = call.name.split(".")
        return parts[:2] == ["keras", "optimizers"] and len(parts) == 3 and parts[2][:1].isupper()

    return is_made(module, value, is_of_keras)
