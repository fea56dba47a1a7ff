"""Live models: what they are, and what they say of themselves."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any, TypeAlias

from gradlint.errors import UsageError
from gradlint.load.model.surroundings import same_globals
from gradlint.load.outline import spec_from_config
from gradlint.load.spec import InputSpec, ModelSpec
from gradlint.upstream.starting import quiet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gradlint.options import Options


# Keras ships no types; the name says what is meant.
Model: TypeAlias = Any


def is_model(target: object) -> bool:
    """True for a live Keras model."""
    import keras

    return isinstance(target, keras.Model)


def is_legacy(target: object) -> bool:
    """True for a live model of Keras 2 (`tf_keras`)."""
    return any(
        cls.__module__.partition(".")[0] == "tf_keras" and cls.__name__ == "Model" for cls in type(target).__mro__
    )


def is_saved(target: object) -> bool:
    """True for what `tf.saved_model.load` gives."""
    return hasattr(target, "signatures") and hasattr(target, "tensorflow_git_version")


def trains_itself(model: object, options: Options) -> bool:
    """Whether `fit` would run a `train_step` of the model's own.

    Raises:
        UsageError: it would, but the model is not compiled, and nothing else of it can be run.
    """
    if isinstance(model, (str, os.PathLike)) or options.loss is not None or options.depth != "values":
        return False
    if not is_model(model):
        return False
    from gradlint.upstream import models

    if not models.overrides(model, "train_step"):
        return False
    if not getattr(model, "compiled", False) and not models.has_call(model):
        name = type(model).__name__
        raise UsageError(f"{name} has a train_step and no call(), and is not compiled: compile it first, as for fit()")
    return bool(getattr(model, "compiled", False))


def spec_from_model(model: Model) -> ModelSpec:
    """Describes a live model: by its serialised form, completed from the model where that says nothing.

    Never raises, and leaves the model and Keras's global state as they were.
    """
    try:
        return _described(model)
    except Exception:  # get_config is user code, and may hold anything
        return ModelSpec(str(getattr(model, "name", "")), type(model).__name__)


def inputs_of(model: Model) -> tuple[InputSpec, ...]:
    """The model's inputs, in its order; none where it does not say."""
    return spec_from_model(model).inputs or ()


def _described(model: Model) -> ModelSpec:
    import keras

    with quiet(), same_globals():
        try:
            config: dict[str, Any] = keras.saving.serialize_keras_object(model)
        except Exception:  # no get_config, or one that fails
            config = {"module": type(model).__module__, "class_name": type(model).__name__, "config": {}}
            config["registered_name"] = config["class_name"]
            with contextlib.suppress(Exception):
                config["build_config"] = model.get_build_config()
            if getattr(model, "compiled", False):
                loss = getattr(model, "loss", None)
                config["compile_config"] = {"compiled": True, "loss": loss if isinstance(loss, str) else None}
        inner = config.get("config")
        if not isinstance(inner, dict) or "layers" not in inner:
            # KerasHub's models, and subclassed ones, write their constructor's arguments only.
            with contextlib.suppress(Exception):
                config["config"] = {"name": model.name, **_live_graph(model)}
        return spec_from_config(json.loads(json.dumps(config, default=str, skipkeys=True)), keras.__version__)


def _live_graph(model: Model) -> Mapping[str, Any]:
    """A model's layers and how they are connected, in the form that Keras writes functional models."""
    from gradlint.upstream.models import ends_of_graph, graph_of_model

    functional = graph_of_model(model)
    operations: Sequence[Any] = getattr(functional, "operations", None) or getattr(model, "layers", [])
    graph: dict[str, Any] = {"layers": [_live_layer(operation) for operation in operations]}
    if (ends := ends_of_graph(functional)) is not None:
        graph["input_layers"], graph["output_layers"] = map(_tensor_names, ends)
    return graph


def _live_layer(layer: Any) -> dict[str, Any]:
    from gradlint.upstream.models import calls_of

    try:
        config: Any = layer.get_config()
    except Exception:
        config = {}
    if not isinstance(config, dict):
        config = {}
    if getattr(layer, "layers", None) and "layers" not in config:
        config = {**config, **_live_graph(layer)}
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"keras_history": _tensor_names(tensor)}}
        for node in calls_of(layer)
        for tensor in node.input_tensors
    ]
    return {
        "module": type(layer).__module__,
        "class_name": type(layer).__name__,
        "registered_name": None,
        "name": layer.name,
        "config": config,
        "inbound_nodes": [{"args": tensors, "kwargs": {}}],
    }


def _tensor_names(part: Any) -> Any:
    """A nested structure of Keras tensors with `[layer, node, tensor]` in their place."""
    if isinstance(part, dict):
        return {key: _tensor_names(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_tensor_names(value) for value in part]
    from gradlint.upstream.models import origin_of

    return list(origin_of(part))
