"""Which loss to differentiate, and how to compute it the way `fit` would."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.errors import SampleError, UsageError
from gradlint.load import search
from gradlint.load.spec import name_in_x, place_of_input, place_of_output
from gradlint.record import source, tensors
from gradlint.record.recording import LossFunction, LossRecord
from gradlint.upstream import models

Tensor = Any


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch as tensors.

    Attributes:
        inputs: by the model's input key.
        structure: the model's nesting of keys, or None for "as the model's call takes it".
        labels: by output name; the empty name stands for the plain `y`.
        sample_weight: of all outputs, or by output name.
    """

    inputs: Mapping[str, Tensor]
    structure: Any
    labels: Mapping[str, Tensor]
    sample_weight: Tensor | Mapping[str, Tensor] | None

    def packed(self, model: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments for `model.__call__`."""
        cls: type = type(model)
        if len(self.inputs) == 1 and source.reads_key(cls, *self.inputs):
            return (dict(self.inputs),), {}
        if self.structure is not None:
            return (_filled(self.structure, self.inputs),), {}
        if all(key == place_of_input(number) for number, key in enumerate(self.inputs)):
            return (tuple(self.inputs.values()),), {}  # as fit hands over a list or a tuple
        if len(self.inputs) == 1:
            return tuple(self.inputs.values()), {}
        parameters = _parameters(model.call)
        if set(self.inputs) <= set(parameters):
            first = parameters[0]
            if first in self.inputs:
                rest = {key: value for key, value in self.inputs.items() if key != first}
                return (self.inputs[first],), rest
        return ({name_in_x(key): value for key, value in self.inputs.items()},), {}


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return [name for name in inspect.signature(function).parameters if name not in ("training", "mask")]
    except (TypeError, ValueError):
        return []


def _filled(structure: Any, inputs: Mapping[str, Tensor]) -> Any:
    if isinstance(structure, str):
        return inputs.get(structure)
    if isinstance(structure, Mapping):
        return {key: _filled(value, inputs) for key, value in structure.items()}
    return [_filled(value, inputs) for value in structure]


@dataclass(frozen=True, slots=True)
class Objective:
    """A loss and how it came about: unless it is `Computed`, a step or a function of the user's own makes it.

    Attributes:
        record: what the report says; its tensor and value are filled in after the run.
        is_of_user: the user's own code makes it, which has to add the losses of the layers.
    """

    record: LossRecord
    is_of_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed(Objective):
    """A loss of the model's outputs.

    Attributes:
        compute: `(batch, packed inputs, outputs, training) -> loss`.
    """

    compute: Callable[[Batch, Any, Any, bool], Tensor]


def objective_of(model: Any, batch: Batch, loss: object, seed: int) -> Computed:
    """Choose the loss of a model's outputs: the user's, the compiled one, or a surrogate.

    Args:
        model: a Keras model.
        batch: decides whether there are labels for the compiled loss.
        loss: None, the name of a Keras loss, or a callable `(y_true, y_pred) -> loss`.
        seed: of the surrogate's random projection.

    Raises:
        UsageError: the loss is unknown, or needs labels that the sample does not have.
        SampleError: there are labels for some of the outputs that have a loss, and not for others.
    """
    if loss is not None:
        return _named(loss, model, batch)
    if getattr(model, "compiled", False):
        if models.overrides(model, "compute_loss"):
            file, line = source.definition_of(type(model), "compute_loss")
            described = f"{type(model).__name__}.compute_loss"
            record = LossRecord("compiled", described, file=file, line=line)
            return Computed(record, is_of_user=True, compute=_compiled(model))
        functions = compiled_functions(model)
        if functions and batch.labels and _labels_fit(model, batch):
            named = ", ".join(f"{f.output}: {f.name}" if len(functions) > 1 else f.name for f in functions)
            return Computed(
                LossRecord("compiled", f"compiled loss ({named})", functions=functions),
                compute=_compiled(model),
            )
        if not functions:
            return _added_or_surrogate(model, seed)
        if batch.labels:
            raise SampleError(_about_lacking(_without_labels(functions, batch), batch))
        return _surrogate(seed, "the sample has no labels for the compiled loss")
    objective = _surrogate(seed, "the model is not compiled")
    own = next((name for name in ("train_step", "compute_loss") if models.overrides(model, name)), None)
    if own is None:
        return objective
    unseen = f"{own}, which was not looked at since the model is not compiled"
    return replace(objective, record=replace(objective.record, unseen=unseen))


def _labels_fit(model: Any, batch: Batch) -> bool:
    functions = compiled_functions(model)
    return "" in batch.labels or len(functions) <= 1 or not _without_labels(functions, batch)


def _without_labels(functions: Sequence[LossFunction], batch: Batch) -> tuple[str, ...]:
    """The outputs whose loss has no label in the sample."""
    return tuple(dict.fromkeys(f.output for f in functions if f.output not in batch.labels))


def _about_lacking(outputs: Sequence[str], batch: Batch) -> str:
    """Why labels for some of the outputs that have a loss are no sample, as they are none for `fit`."""
    given, lacking = (", ".join(repr(name) for name in names) for names in (batch.labels, outputs))
    keys = " and ".join(repr(f"y:{name}") for name in outputs)
    arrays = "label array" if len(outputs) == 1 else "label arrays"
    return (
        f"the sample has labels for {given} and none for {lacking}, which the compiled loss reads as well, so that fit "
        f"would fail: add the {arrays} {keys}, or compile without a loss for {lacking}"
    )


def _labels(batch: Batch, outputs: Any, model: Any) -> Any:
    """The labels in the nesting of the outputs, as Keras's compiled losses take them.

    Keras wants a label for each output, also for those without a loss; zeros stand in for the ones that the
    sample leaves out. Labels that belong to no output (a custom `compute_loss` knows them) stay a dict.
    """
    if set(batch.labels) == {""}:
        return batch.labels[""]
    named = {name: value for name, value in batch.labels.items() if name}
    if _are_places(named):
        return list(named.values())
    if isinstance(outputs, Mapping) and set(named) <= set(outputs):
        return {name: named.get(name, tf.zeros_like(output)) for name, output in outputs.items()}
    names = getattr(model, "output_names", [])
    if isinstance(outputs, (list, tuple)) and set(named) <= set(names) and len(names) == len(outputs):
        return [named.get(name, tf.zeros_like(output)) for name, output in zip(names, outputs, strict=True)]
    if len(named) == 1 and not isinstance(outputs, (Mapping, list, tuple)):
        return next(iter(named.values()))
    return named or None


def _weights(batch: Batch, outputs: Any, model: Any) -> Any:
    """The sample weights in the nesting of the outputs."""
    weights = batch.sample_weight
    if isinstance(weights, Mapping) and isinstance(outputs, (list, tuple)):
        names = _names(getattr(model, "output_names", ()), len(outputs))
        return [weights[name] for name in names] if set(names) == set(weights) else dict(weights)
    return weights


def _names(names: Sequence[str], number: int) -> list[str]:
    """So many names of outputs: those of the model, or places where it names none."""
    return list(names) if len(names) == number else [place_of_output(place) for place in range(number)]


def _are_places(names: Iterable[str]) -> bool:
    """Whether labels were given as a list to a model that names no outputs."""
    return bool(names) and list(names) == _names((), len(list(names)))


def _compiled(model: Any) -> Callable[[Batch, Any, Any, bool], Tensor]:
    def compute(batch: Batch, packed: Any, outputs: Any, training: bool) -> Tensor:
        # With labels of its own a compute_loss may want the dict as the sample has it.
        own = models.overrides(model, "compute_loss") and "" not in batch.labels and not _are_places(batch.labels)
        labels = (dict(batch.labels) or None) if own else _labels(batch, outputs, model) if batch.labels else None
        return models.loss_of(model, packed, labels, outputs, _weights(batch, outputs, model), training)

    return compute


def compiled_functions(model: Any) -> tuple[LossFunction, ...]:
    """The compiled loss of each output that has one and is not weighted to zero."""
    return tuple(function_of(name, loss) for name, loss in compiled_losses(model))


def compiled_losses(model: Any) -> tuple[tuple[str, Any], ...]:
    """Output and loss, as the user gave it, of each output that has one and is not weighted to zero."""
    loss, weights = models.compiled_loss(model)
    if loss is None:
        return ()
    names = models.output_names(model) or [""]
    if isinstance(loss, Mapping):
        pairs = list(loss.items())
    elif isinstance(loss, (list, tuple)):
        pairs = list(zip(_names(names, len(loss)), loss, strict=True))
    else:
        pairs = [(name, loss) for name in names]
    weight_of = (
        weights
        if isinstance(weights, Mapping)
        else dict(zip(_names(names, len(weights)), weights, strict=True))
        if isinstance(weights, (list, tuple))
        else {}
    )
    return tuple(
        (str(name), function) for name, function in pairs if function is not None and weight_of.get(name, 1.0) != 0
    )


def loss_objects(model: Any, loss: object = None) -> tuple[keras.losses.Loss, ...]:
    """The losses of a run that are objects, in which Keras looks for no variables.

    Args:
        model: None where the user's own code makes the loss.
        loss: as the user asked; None for the compiled one.
    """
    if loss is not None:
        given = list(loss.values()) if isinstance(loss, Mapping) else [loss]
    else:
        given = [] if model is None else [one for _, one in compiled_losses(model)]
    return tuple(one for one in given if isinstance(one, keras.losses.Loss))


def declined_outputs(model: Any) -> frozenset[str]:
    """Outputs whose loss is explicitly None, or weighted to zero: no loss reads them, by intent."""
    loss, weights = models.compiled_loss(model)
    names = models.output_names(model)

    def pairs(given: Any) -> list[tuple[str, Any]]:
        if isinstance(given, Mapping):
            return [(str(name), value) for name, value in given.items()]
        if isinstance(given, (list, tuple)):
            return list(zip(names, given, strict=False))
        return []

    return frozenset(
        [name for name, function in pairs(loss) if function is None]
        + [name for name, weight in pairs(weights) if weight == 0]
    )


def function_of(output: str, loss: Any) -> LossFunction:
    """What is known of a loss by its name, its class or its function."""
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return LossFunction(output, loss, None, False)
    name = getattr(loss, "name", None) or getattr(loss, "__name__", type(loss).__name__)
    inner = getattr(loss, "fn", loss)
    module = str(getattr(inner, "__module__", type(loss).__module__))
    from_logits = models.arguments_of_loss(loss).get("from_logits")
    if from_logits is None and callable(inner):
        try:
            parameter = inspect.signature(inner).parameters.get("from_logits")
        except (TypeError, ValueError):
            parameter = None
        from_logits = parameter.default if parameter is not None else None
    return LossFunction(output, str(getattr(inner, "__name__", name)), from_logits, module.startswith("keras."))


def _function_of(loss: object) -> Any:
    """The loss that a name, or whatever else the user has for it, stands for."""
    if isinstance(loss, type):
        raise UsageError(f"loss is the class {loss.__name__}; give an instance, {loss.__name__}(), or its name")
    if callable(loss):
        return loss
    if not isinstance(loss, str):
        raise UsageError(f"loss must be a name or a callable (y_true, y_pred), not {type(loss).__name__}")
    if search.is_named(loss):
        try:
            return search.named_object(loss)
        except Exception as error:
            raise UsageError(f"the loss {loss} cannot be imported: {type(error).__name__}: {error}") from error
    try:
        return keras.losses.get(loss)
    except ValueError as error:
        known = [name for name in (*dir(keras.losses), "mse", "mae", "mape", "msle") if name[0] != "_"]
        close = difflib.get_close_matches(loss, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else "; pass the name of a keras.losses function"
        raise UsageError(f"Keras knows no loss named {loss!r}{hint}") from error


def _by_name(model: Any, batch: Batch, outputs: Any) -> Mapping[str, Any]:
    """The outputs by the names that labels use; by position where the model has no names for them."""
    if isinstance(outputs, Mapping):
        return outputs
    flat = keras.tree.flatten(outputs)
    names = list(getattr(model, "output_names", None) or ())
    is_named = len(names) == len(flat) and set(batch.labels) <= set(names)
    return dict(zip(names if is_named else batch.labels, flat, strict=False))


def _by_output(losses: Mapping[str, object], model: Any, batch: Batch) -> Computed:
    """A loss for each of several outputs, as `compile` takes them; None where an output has none."""
    functions = {str(output): _function_of(part) for output, part in losses.items() if part is not None}
    _refuse_without_labels(batch)
    if not functions:
        raise UsageError("loss names no output; leave it out for the compiled loss, or name one for each output")
    if missing := [output for output in functions if output not in batch.labels]:
        given = ", ".join(map(repr, filter(None, batch.labels))) or "one output, by no name"
        raise UsageError(f"loss names the output {missing[0]!r}, which has no labels; there are labels for {given}")

    def compute(batch: Batch, packed: Any, outputs: Any, training: bool) -> Tensor:
        found = _by_name(model, batch, outputs)
        return tf.add_n([tf.reduce_mean(each(batch.labels[name], found[name])) for name, each in functions.items()])

    known = tuple(function_of(name, each) for name, each in functions.items())
    return Computed(LossRecord("named", f"{', '.join(functions)}: as asked", functions=known), compute=compute)


def _refuse_without_labels(batch: Batch) -> None:
    if not batch.labels:
        raise UsageError("a loss was given, but the sample has no labels; add the array 'y' or pass --target KEY")


def _named(loss: object, model: Any, batch: Batch) -> Computed:
    if isinstance(loss, (list, tuple)) and len(loss) == len(batch.labels) == 1 and set(batch.labels) == {""}:
        loss = loss[0]
    if isinstance(loss, (list, tuple)):
        named = [name for name in batch.labels if name]  # in the order of the outputs
        outputs = named if len(named) == len(loss) else _names(getattr(model, "output_names", ()), len(loss))
        return _by_output(dict(zip(outputs, loss, strict=True)), model, batch)
    if isinstance(loss, Mapping):
        return _by_output(loss, model, batch)
    function = _function_of(loss)
    _refuse_without_labels(batch)
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    known = function_of("", function)

    def compute(batch: Batch, packed: Any, outputs: Any, training: bool) -> Tensor:
        flat = keras.tree.flatten(outputs)
        labels = batch.labels
        if "" in labels and len(labels) == 1:
            if len(flat) == 1:
                return tf.reduce_mean(function(labels[""], flat[0]))
            return tf.reduce_mean(function(labels[""], outputs))
        found = _by_name(model, batch, outputs)
        return tf.add_n([tf.reduce_mean(function(labels[name], found[name])) for name in labels if name in found])

    return Computed(LossRecord("named", f"{name}, as asked", functions=(known,)), compute=compute)


def _added_or_surrogate(model: Any, seed: int) -> Computed:
    surrogate = _surrogate(seed, "the model is compiled without a loss")
    described = "the model's added losses, or else a random projection"

    def compute(batch: Batch, packed: Any, outputs: Any, training: bool) -> Tensor:
        if model.losses:
            return models.loss_of(model, packed, None, outputs, None, training)
        return surrogate.compute(batch, packed, outputs, training)

    return Computed(LossRecord("compiled", described, unread="the model is compiled without a loss"), compute=compute)


def _surrogate(seed: int, why: str) -> Computed:
    """A fixed random projection of the outputs.

    Never the plain sum: the sum of a softmax, and of anything that ends in a normalisation, is constant.
    """

    def compute(batch: Batch, packed: Any, outputs: Any, training: bool) -> Tensor:
        generator = np.random.default_rng(seed)
        total = tf.zeros((), tf.float32)
        for output in keras.tree.flatten(outputs):
            values = tensors.numbers(output)
            if not getattr(values, "dtype", tf.int32).is_floating:
                continue
            if not tf.executing_eagerly():  # Of symbols only the way counts, and not every shape is known.
                total += tf.reduce_sum(tf.cast(values, tf.float32) * tf.random.normal(tf.shape(values)))
                continue
            weights = generator.normal(size=values.shape).astype("float32") / max(
                1.0, float(np.sqrt(np.prod(values.shape)))
            )
            total += tf.reduce_sum(tf.cast(values, tf.float32) * tf.constant(weights))
        return total

    return Computed(LossRecord("surrogate", f"random projection of the outputs ({why})", unread=why), compute=compute)
