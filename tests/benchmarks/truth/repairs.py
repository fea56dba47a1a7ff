"""Whether the repair works: what a finding says to do is done to the model or the sample, and a plain tape looks again.

A repair of one line of a model's code is no program's to make. Its effect is: gradlint lets the gradient through the
operation that it names, on the model itself, and says who receives one then. All else here is done and looked at
without gradlint, by what the category of the mistake counts as its symptom (`symptoms`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.truth import symptoms

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.truth.scoring import Row

Sample = dict[str, Any]
Repaired = tuple["Callable[[], Any]", Sample]


def _unfrozen(build: Callable[[], Any], sample: Sample, finding: Row) -> Repaired | None:
    """`trainable = True` on the model and on all that is in it."""

    def built() -> Any:
        model = build()
        for layer in (model, *model._flatten_layers()):
            layer.trainable = True
        return model

    return built, sample


def _relabelled(build: Callable[[], Any], sample: Sample, finding: Row) -> Repaired | None:
    """Labels in the shape of the predictions, where they have as many elements."""
    model = build()
    outputs = symptoms.outputs_of(model, sample)
    labels = [key for key in sample if key.split(":")[0] == "y"]
    if len(labels) != 1 or len(outputs) != 1 or np.size(sample[labels[0]]) != np.prod(outputs[0].shape):
        return None
    return build, {**sample, labels[0]: np.reshape(sample[labels[0]], outputs[0].shape)}


def _shortened(build: Callable[[], Any], sample: Sample, finding: Row) -> Repaired | None:
    """All arrays with as many rows as the shortest has."""
    rows = min(len(value) for value in sample.values())
    return build, {key: value[:rows] for key, value in sample.items()}


def _numbers(build: Callable[[], Any], sample: Sample, finding: Row) -> Repaired | None:
    """Zeros for what is no number in the sample."""
    floats = {key: np.asarray(value) for key, value in sample.items() if np.asarray(value).dtype.kind == "f"}
    if all(np.isfinite(array).all() for array in floats.values()):
        return None
    return build, {**sample, **{key: np.nan_to_num(array, posinf=0.0, neginf=0.0) for key, array in floats.items()}}


def _declared(build: Callable[[], Any], sample: Sample, finding: Row) -> Repaired | None:
    """The keys that the model declares: what is too much goes, and one odd name is the one that lacks."""
    inputs = {tensor.name: tensor for tensor in getattr(build(), "inputs", None) or ()}
    labels = {key: value for key, value in sample.items() if key.split(":")[0] in ("y", "sample_weight")}
    given = {key: value for key, value in sample.items() if key not in labels}
    missing, odd = [name for name in inputs if name not in given], [key for key in given if key not in inputs]
    if not inputs or len(missing) > 1 or (missing and len(odd) != 1):
        return None
    given |= {name: given[odd[0]] for name in missing}
    return build, {name: given[name] for name in inputs} | labels


def _drawn(build: Callable[[], Any], sample: Sample, finding: Row) -> Repaired | None:
    """Random numbers for weights that are all zero, in the layer that the finding names."""

    def built() -> Any:
        model = build()
        for variable in model.trainable_variables:
            if len(variable.shape) > 1 and not np.any(variable.numpy()) and (finding["layer"] or "") in variable.path:
                variable.assign(np.random.default_rng(0).normal(size=variable.shape) * 0.1)
        return model

    return built, sample


def _of_the_other_kind(build: Callable[[], Any], sample: Sample, finding: Row) -> Repaired | None:
    """`from_logits` the other way round, in a loss of Keras's own."""

    def built() -> Any:
        model = build()
        loss = model.loss
        arguments = loss.get_config() | {"from_logits": not loss.get_config()["from_logits"]}
        model.compile(model.optimizer, type(loss).from_config(arguments))
        return model

    config = getattr(build().loss, "get_config", dict)()
    return (built, sample) if "from_logits" in config else None


TRIALS: dict[str, tuple[str, Callable[[Callable[[], Any], Sample, Row], Repaired | None]]] = {
    "GL108": ("trainable = True", _unfrozen),
    "GL207": ("random numbers for the zeros", _drawn),
    "GL302": ("zeros for what is no number", _numbers),
    "GL401": ("the keys that the model has", _declared),
    "GL402": ("the keys that the model has", _declared),
    "GL405": ("labels in the shape of the predictions", _relabelled),
    "GL406": ("as many rows everywhere", _shortened),
    "GL408": ("the keys that the model has", _declared),
    "GL409": ("from_logits the other way round", _of_the_other_kind),
}
LET_THROUGH = "the gradient let through what stops it"
_NOBODY = "nothing behind it received one"


def tried(build: Callable[[], Any], sample: Sample, row: Row) -> Row | None:
    """What became of the repair of a finding: how it was tried, and whether it works; None where none can be tried."""
    finding = row.get("finding")
    if not finding:
        return None
    for words in finding["experiments"]:
        if words.startswith("with the gradient let through"):
            return {"way": LET_THROUGH, "works": _NOBODY not in words}
    if finding["code"] not in TRIALS:
        return None
    way, repair = TRIALS[finding["code"]]
    repaired = repair(build, dict(sample), finding)
    if repaired is None:
        return None
    _, is_gone = symptoms.shown(row["category"], symptoms.seen(build, sample), symptoms.seen(*repaired))
    return None if is_gone is None else {"way": way, "works": is_gone}
