"""Keras's models: the paths of their layers, and what they keep to themselves."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from gradlint.upstream.libraries import is_library_file
from gradlint.upstream.names import member, place_of, value_of
from gradlint.upstream.patching import definer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


def current_path() -> str:
    """The path of the layer that is running, as Keras spells it; empty outside of every layer."""
    return str(value_of("current_path")())


def begin_anew(model: Any) -> None:
    """Give a model that was loaded without the slots of its optimizer one of the same settings that was never used."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        model.optimizer = type(optimizer).from_config(optimizer.get_config())
        if optimizer.built:  # One that is built by its first update takes no other variables later.
            model.optimizer.build(model.trainable_variables)


def reshaped(array: Any, shape: tuple[int, ...]) -> Any:
    """An array or a tensor in another shape."""
    return array.reshape(shape) if isinstance(array, np.ndarray) else keras.ops.reshape(array, shape)


def overrides(model: Any, method: str) -> bool:
    """Whether the class of a model has its own `train_step` or `compute_loss`."""
    defining = definer(type(model), method)
    return defining is not None and defining.__module__.partition(".")[0] != keras.__name__


def has_own_step(model: Any) -> bool:
    """Whether `fit` would run a `train_step` of a model's own."""
    return bool(getattr(model, "compiled", False)) and overrides(model, "train_step")


def has_call(model: Any) -> bool:
    """Whether a model says what calling it gives: by a `call` of its own, or by the graph that it was made of."""
    return overrides(model, "call") or isinstance(model, keras.Sequential) or bool(getattr(model, "inputs", None))


def parameters_of(step: Any, *, all_kinds: bool = False) -> tuple[str, ...]:
    """The names of the parameters that a step, traced or not, must be given, or those of all kinds."""
    function = getattr(step, "python_function", step)
    parameters = inspect.signature(function).parameters.values()
    if all_kinds:
        return tuple(parameter.name for parameter in parameters)
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.default is inspect.Parameter.empty and p.kind in places)


def as_tensors(batch: Any) -> Any:
    """The arrays of a batch as `fit` hands them to a `train_step`, in the same nesting."""

    def convert(value: Any) -> Any:
        return keras.ops.convert_to_tensor(value) if isinstance(value, np.ndarray) else value

    # A dataset, which fit makes of arrays, has tuples and no lists.
    return keras.tree.map_structure(convert, _with_tuples(batch))


def _with_tuples(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _with_tuples(value) for key, value in part.items()}
    return tuple(map(_with_tuples, part)) if type(part) in (list, tuple) else part


def is_compiled_in_name_only(model: Any) -> bool:
    """Whether Keras says that a model is compiled, although nobody has called its own `compile`.

    That is how it loads one that overrides `compile` and not `compile_from_config`.
    """
    return bool(getattr(model, "compiled", False)) and member(model, "arguments of compile", None) is None


def variables_of_its_own(layer: Any) -> list[Any]:
    """The variables that a layer has made itself, without those of the layers inside."""
    return [*member(layer, "own variables"), *member(layer, "own frozen variables")]


def layers_inside(layer: Any) -> list[Any]:
    """The layers that a layer holds itself, without those further in."""
    found = _member(layer, "layers inside")(include_self=False, recursive=False)
    return [child for child in found if child is not layer]


def training_of(operation: Any, arguments: tuple[Any, Any]) -> bool | None:
    """What a layer that is called outside of all others takes as `training`; None where nobody says."""
    args, kwargs = arguments
    if "training" in kwargs:
        return kwargs["training"] if kwargs["training"] is None else bool(kwargs["training"])
    try:
        bound = inspect.signature(operation.call).bind_partial(*args, **kwargs)
        bound.apply_defaults()
    except (TypeError, ValueError, AttributeError):
        return None
    value = bound.arguments.get("training")
    return None if value is None else bool(value)


def is_told_inference(layer: Any) -> bool:
    """Whether the call of a layer that is about to run says `training=False` itself, and not for it a library.

    What Keras hands on, from a default in a signature or from a layer that ran before, nobody has said.
    """
    frame = _frame_of(layer)
    if frame is None:
        return False
    said = frame.f_locals["call_spec"].user_arguments_dict.get("training")
    caller = _caller(frame)
    return said is False and caller is not None and not is_library_file(caller.f_code.co_filename)


def _frame_of(layer: Any) -> FrameType | None:
    """Where Keras sorts out the arguments of a layer that is about to run."""
    frame = inspect.currentframe()
    while frame is not None and not (frame.f_locals.get("self") is layer and "call_spec" in frame.f_locals):
        frame = frame.f_back
    return frame


def inference_said(layer: Any) -> tuple[bool, list[tuple[str, int]]]:
    """Whether anybody, around a layer that is about to run, has handed `training=False` over.

    Keras hands the defaults of signatures on as well, and so does a `call` of the user's that has one: of these calls
    it gives the lines, which may say `training=False` themselves.
    """
    levels = []
    frame = _frame_of(layer)
    while frame is not None:
        if "call_spec" in frame.f_locals and isinstance(frame.f_locals.get("self"), keras.Layer):
            levels.append((frame, _caller(frame)))
        frame = frame.f_back
    by_default, doubtful = False, list[tuple[str, int]]()
    for frame, caller in reversed(levels):
        default = _default_of_training(frame.f_locals["self"])
        said = frame.f_locals["call_spec"].user_arguments_dict.get("training")
        is_of_library = caller is None or is_library_file(caller.f_code.co_filename)
        if said is False and is_of_library and default is False:
            by_default = True  # the graph of a functional model keeps defaults, too
        elif said is False and not by_default:
            return True, []
        elif said is False and not is_of_library and caller is not None:
            doubtful.append((caller.f_code.co_filename, caller.f_lineno))
        by_default = by_default or (said is None and default is False)
    return False, doubtful


def _default_of_training(layer: Any) -> Any:
    parameter = inspect.signature(layer.call).parameters.get("training")
    return None if parameter is None else parameter.default


def _caller(frame: FrameType) -> FrameType | None:
    """Who calls a layer; Keras's own function around the call shortens tracebacks."""
    caller = frame.f_back
    if caller is not None and caller.f_code is keras.Layer.__call__.__code__:
        return caller.f_back
    return caller


def rests_in_inference(layer: Any) -> bool:
    """Whether a layer of Keras's own does something in training alone, as it is set: drops, adds noise, averages."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return bool(layer.trainable)
    if isinstance(layer, keras.layers.GaussianNoise):
        return bool(layer.stddev)
    dropping = (keras.layers.Dropout, keras.layers.GaussianDropout, keras.layers.AlphaDropout)
    return isinstance(layer, dropping) and bool(layer.rate)


def minds_training(layer: Any) -> bool:
    """Whether something in a layer works otherwise in training, as far as the signatures of its parts say."""
    parts = _member(layer, "layers inside")()
    return any("training" in inspect.signature(part.call).parameters for part in parts if not _holds_others(part))


def _holds_others(layer: Any) -> bool:
    return bool(layers_inside(layer))


def mask_of(tensor: Any) -> Any:
    """The mask that Keras keeps beside a tensor; None for none."""
    return member(tensor, "mask of a tensor", None)


def set_mask(tensor: Any, mask: Any) -> None:
    """Give a tensor another mask."""
    setattr(tensor, place_of("mask of a tensor").attribute, mask)


def makes_weights(layer: Any) -> bool:
    """Whether a layer that is not built yet says that it makes weights when it is."""
    return type(layer).build is not keras.Layer.build or bool(layers_inside(layer))


def is_built(model: Any) -> bool:
    """Whether every layer of a model has its variables."""
    return all(layer.built for layer in _member(model, "layers inside")())


def loss_of(model: Any, inputs: Any, labels: Any, outputs: Any, weights: Any, training: bool) -> Any:
    """The compiled loss of a model with its added losses, as `fit` computes it, or its own `compute_loss`."""
    return _member(model, "loss of a model")(inputs, labels, outputs, weights, training=training)


def compiled_loss(model: Any) -> tuple[Any, Any]:
    """What was given to `compile` as `loss` and `loss_weights`; None where nothing was."""
    compiled = member(model, "compiled loss", None)
    if compiled is None:
        return None, None
    return member(compiled, "loss as given"), member(compiled, "loss weights as given")


def arguments_of_loss(loss: Any) -> dict[str, Any]:
    """The keyword arguments that a loss object hands to its function."""
    return dict(member(loss, "arguments of a loss", None) or {})


def graph_of_model(model: Any) -> Any:
    """The functional model that a Keras model is or, if it is a `Sequential`, holds."""
    return member(model, "graph of a Sequential", None) or model


def ends_of_graph(functional: Any) -> tuple[Any, Any] | None:
    """The nested inputs and outputs of a functional model; None for any other."""
    inputs = member(functional, "inputs of a graph", None)
    return None if inputs is None else (inputs, member(functional, "outputs of a graph"))


def output_names(model: Any) -> list[str]:
    """The names by which `compile` and `fit` know the outputs of a model; none where it does not say.

    Of a dict of outputs these are its keys, and the names of the layers that made them mean nothing there.
    """
    ends = ends_of_graph(graph_of_model(model))
    if ends is not None and isinstance(ends[1], Mapping):
        return ["/".join(map(str, path)) for path, _ in keras.tree.flatten_with_path(ends[1])]
    return list(getattr(model, "output_names", None) or [])


def calls_of(operation: Any) -> Sequence[Any]:
    """The nodes of the functional graphs in which a layer or an operation is called."""
    return tuple(member(operation, "nodes of a layer", ()))


def origin_of(symbol: Any) -> tuple[str, int, int]:
    """Name of the operation, number of its call, and number of the result that a Keras tensor is."""
    history = member(symbol, "origin of a symbol")
    return str(history.operation.name), int(history.node_index), int(history.tensor_index)


def _member(owner: Any, name: str) -> Any:
    return getattr(owner, place_of(name).attribute)
