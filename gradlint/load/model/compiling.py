"""A model from its configuration alone, and its loss from what was compiled."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

from gradlint.load.model.live import is_model

if TYPE_CHECKING:
    from gradlint.load.model.live import Model
    from gradlint.load.spec import ModelSpec


def built_from(config: dict[str, object], spec: ModelSpec, trust: bool) -> Model:
    """A model from its configuration alone."""
    import keras

    compiled = config.pop("compile_config", None)
    model = keras.saving.deserialize_keras_object(config, safe_mode=not trust)
    if not spec.compiled or not isinstance(model, keras.Model):
        return model
    if type(model).compile is keras.Model.compile:
        compile_with_loss(model, spec)  # Keras's own way asks every variable for its value, for the optimizer's sake
    else:
        model.compile_from_config(compiled)
        model.compiled = True  # as Keras's own loader has it, whether or not the model knows how to
        if wants_own_compile(model):
            call_own_compile(model, compiled, trust)
    return model


def wants_own_compile(model: object) -> bool:
    """True for a model whose class has a `compile` of its own, which Keras has not called."""
    from gradlint.upstream.models import is_compiled_in_name_only

    return is_model(model) and is_compiled_in_name_only(model)


def call_own_compile(model: Any, saved: object, trust: bool) -> None:
    """Calls the `compile` that a class has of its own with what was saved, which Keras leaves to the user.

    It fails where the method wants more than that; the model is then as Keras loads it.
    """
    import keras

    with contextlib.suppress(Exception):
        taken = inspect.signature(model.compile).parameters
        takes_all = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in taken.values())
        given = keras.saving.deserialize_keras_object(saved, safe_mode=not trust)
        model.compile(**{name: value for name, value in given.items() if takes_all or name in taken})


def compile_with_loss(model: Model, spec: ModelSpec) -> None:
    """Compiles a model with the loss that its file names, and nothing else."""
    import keras

    def losses(part: Any) -> Any:
        if isinstance(part, list):
            return [losses(value) for value in part]
        if isinstance(part, dict) and "class_name" not in part:
            return {key: losses(value) for key, value in part.items()}
        return keras.losses.deserialize(part) if isinstance(part, dict) else part

    own = {} if spec.optimizer is None else {"optimizer": keras.optimizers.deserialize(spec.optimizer)}
    model.compile(loss=losses(spec.loss), loss_weights=spec.loss_weights, **own)
