"""Labels, predictions and metrics by output, and what can be said of labels by their values alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from gradlint.load.spec import place_of_output
from gradlint.record import tensors
from gradlint.record.start import Metric, Target
from gradlint.record.terms import CTC
from gradlint.upstream import eager, models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.record.recording import LossFunction

Array = np.ndarray[Any, Any]

# Labels this close to a bound lie within it: a hundredth covers what scaling with training statistics leaves over.
_MARGIN = 1e-2


def named_outputs(model: Any, outputs: Any) -> Iterator[tuple[str, Any]]:
    """The dense outputs of a model by the names that `compile` knows them by."""
    names = list(getattr(model, "output_names", None) or [])
    flat = keras.tree.flatten_with_path(outputs) if outputs is not None else []
    for number, (path, tensor) in enumerate(flat):
        values = tensors.numbers(tensor)
        if not eager.is_eager(values):
            continue
        own = names[number] if number < len(names) else place_of_output(number)
        yield "/".join(str(part) for part in path) if isinstance(outputs, Mapping) else own, values


def declared_shape(model: Any, name: str) -> tuple[int, ...]:
    """The shape of an output of a functional model, 0 for an unknown length; empty when the model does not say."""
    names = models.output_names(model)
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) == 1:
        return tuple(int(length or 0) for length in outputs[0].shape)
    shapes = {own: output.shape for own, output in zip(names, outputs, strict=False)}
    return tuple(int(length or 0) for length in shapes.get(name, ()))


def ignored_class(loss: Any) -> int | None:
    """The label that a sparse cross-entropy leaves out."""
    value = getattr(loss, "ignore_class", None)
    return int(value) if value is not None else None


def facts(
    output: str, key: str, function: LossFunction, label: Any, prediction: tuple[int, ...], sample_weight: Any
) -> Target:
    """What the values of labels say, without those that weigh nothing."""
    array = eager.array_of(label)
    shape = tuple(array.shape)
    values = array.astype(np.float64)
    if sample_weight is not None:
        weight = eager.array_of(sample_weight)
        if weight.shape == values.shape[: weight.ndim]:
            values = values[weight != 0]
        elif values.ndim and weight.shape[:1] == values.shape[:1]:
            values = values[weight.reshape(len(weight), -1).any(axis=1)]
    finite = values[np.isfinite(values)]
    if not finite.size:
        finite = np.zeros(1)
    rows = values.reshape(-1, values.shape[-1]) if values.ndim > 1 and values.shape[-1] > 1 else np.zeros((0, 2))
    filled = rows[rows.any(axis=1)]
    sums = filled.sum(axis=1)
    return Target(
        output,
        key,
        function.name,
        function.from_logits,
        None,
        shape,
        prediction,
        low=float(finite.min()),
        high=float(finite.max()),
        whole=float(np.mean(finite == np.round(finite))),
        above=float(np.mean(finite > 1 + _MARGIN)),
        below=float(np.mean(finite < -_MARGIN)),
        far_below=float(np.mean(finite < -1 - _MARGIN)),
        row_low=float(sums.min()) if len(sums) else 1.0,
        row_high=float(sums.max()) if len(sums) else 1.0,
        singles=float(np.mean((filled != 0).sum(axis=1) == 1)) if len(filled) else 1.0,
        nan=int(np.isnan(values).sum()),
        steps=_steps_of_letters(rows) if function.name == CTC else 0,
    )


def _steps_of_letters(rows: Array) -> int:
    """The most steps that a row of letters needs under CTC, which puts a blank between equal ones; 0 is no letter."""
    letters = rows != 0  # as `keras.losses.ctc` takes it
    repeats = letters[:, 1:] & (rows[:, 1:] == rows[:, :-1])
    return int((letters.sum(axis=1) + repeats.sum(axis=1)).max()) if len(rows) else 0


def compiled_metrics(model: Any) -> dict[str, tuple[Metric, ...]]:
    """The metrics of each output, by its name; under the empty name those of all."""
    try:
        metrics = model.get_compile_config().get("metrics")
    except Exception:  # What cannot be serialised is a function of the user's own.
        return {}
    names = models.output_names(model) or [""]
    if isinstance(metrics, Mapping) and "class_name" not in metrics:
        return {str(name): _metrics(entry) for name, entry in metrics.items()}
    if isinstance(metrics, (list, tuple)) and any(isinstance(entry, (list, tuple)) for entry in metrics):
        return {name: _metrics(entry) for name, entry in zip(names, metrics, strict=False)}
    return {"": _metrics(metrics)} if metrics else {}


def _metrics(entries: Any) -> tuple[Metric, ...]:
    entries = entries if isinstance(entries, (list, tuple)) else [entries]
    found = []
    for entry in entries:
        if isinstance(entry, str):
            found.append(Metric(_snake(entry)))
        elif isinstance(entry, Mapping) and isinstance(entry.get("config"), Mapping):
            threshold = entry["config"].get("threshold")
            found.append(
                Metric(
                    _snake(str(entry["class_name"])), float(threshold) if isinstance(threshold, (int, float)) else None
                )
            )
    return tuple(found)


def _snake(name: str) -> str:
    """`BinaryAccuracy` as `binary_accuracy`."""
    if name.lower() in ("acc", "accuracy"):
        return name if name == "Accuracy" else "accuracy"
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
