"""Batches as `fit` hands them over: bare tensors, tuples, nested pairs, elements of a dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradlint.errors import SampleError, UsageError
from gradlint.load.spec import LABEL, SAMPLE_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.options import Options
    from gradlint.result import Result

# Parts of a batch that `fit` takes apart, in its order.
_PARTS = ("x", LABEL, SAMPLE_WEIGHT)


def is_batch(sample: object) -> bool:
    """Whether a sample is a batch as `fit` would hand it over, and no arrays by input key."""
    if isinstance(sample, Mapping):
        return _are_numbers({str(key).partition("/")[0] for key in sample})
    return sample is not None and not isinstance(sample, (str, bytes)) and not hasattr(sample, "__fspath__")


def _are_numbers(keys: set[str]) -> bool:
    return bool(keys) and keys == {str(number) for number in range(len(keys))}


def batch_of(sample: object) -> object:
    """The batch: the first element of a dataset, or nested tuples where the keys are `0`, `1`, `0/x`.

    Raises:
        SampleError: a dataset is empty.
    """
    if isinstance(sample, Mapping):
        return _nested(sample)
    if hasattr(sample, "element_spec") and hasattr(sample, "__iter__"):
        elements: Iterator[object] = iter(sample)
        first = next(elements, None)
        if first is None:
            raise SampleError("the dataset is empty")
        return first
    return sample


def _nested(sample: Mapping[Any, object]) -> object:
    groups: dict[str, object] = {}
    deeper: dict[str, dict[str, object]] = {}
    for key, value in sample.items():
        head, _, rest = str(key).partition("/")
        if rest:
            deeper.setdefault(head, {})[rest] = value
        else:
            groups[head] = _nested(value) if isinstance(value, Mapping) else value
    groups.update({head: _nested(parts) for head, parts in deeper.items()})
    if _are_numbers(set(groups)):
        return tuple(groups[str(number)] for number in range(len(groups)))
    if set(groups) in ({"x", LABEL}, set(_PARTS)):
        return tuple(groups[part] for part in _PARTS if part in groups)
    return groups


def by_key(batch: object, inputs: tuple[str, ...]) -> dict[str, object]:
    """The arrays of a batch by key, for a model that `fit` trains: inputs, labels, sample weights.

    Args:
        batch: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        inputs: the model's input keys, in its order.
    """
    parts: list[object] = list(batch) if isinstance(batch, tuple) and 1 <= len(batch) <= 3 else [batch]
    x = parts[0]
    found: dict[str, object] = {}
    if isinstance(x, Mapping):
        found.update(x)
    elif isinstance(x, (list, tuple)):
        names = inputs if len(inputs) == len(x) else tuple(f"x/{number}" for number in range(len(x)))
        found.update(zip(names, x, strict=True))
    else:
        found[inputs[0] if len(inputs) == 1 else "x"] = x
    for name, part in zip(_PARTS[1:], parts[1:], strict=False):
        if isinstance(part, Mapping) and name == LABEL:
            found.update({f"{LABEL}:{output}": value for output, value in part.items()})
        elif part is not None:
            found[name] = part
    return found


def packed(arrays: Mapping[str, object]) -> object:
    """Arrays by key as `fit` hands them to a `train_step`."""
    labels = {key: value for key, value in arrays.items() if key.partition(":")[0] == LABEL}
    weight = arrays.get(SAMPLE_WEIGHT)
    rest = {key: value for key, value in arrays.items() if key not in labels and key != SAMPLE_WEIGHT}
    x: object = next(iter(rest.values())) if len(rest) == 1 else rest
    if not labels:
        return x
    y: object = labels[LABEL] if set(labels) == {LABEL} else {key.partition(":")[2]: v for key, v in labels.items()}
    return (x, y) if weight is None else (x, y, weight)


def trains_itself(model: object, options: Options) -> bool:
    """Whether `fit` would run a `train_step` of the model's own.

    Raises:
        UsageError: it would, but the model is not compiled, and nothing else of it can be run.
    """
    if isinstance(model, str) or hasattr(model, "__fspath__") or options.loss is not None or options.depth != "values":
        return False
    from gradlint.load.model import is_model

    if not is_model(model):
        return False
    from gradlint.upstream import models

    if not models.overrides(model, "train_step"):
        return False
    if not getattr(model, "compiled", False) and not models.has_call(model):
        name = type(model).__name__
        raise UsageError(f"{name} has a train_step and no call(), and is not compiled: compile it first, as for fit()")
    return bool(getattr(model, "compiled", False))


def check_named_step(target: str, sample: object, options: Options) -> Result | None:
    """Run the training step that `package.module:function` names; None where it names a factory.

    Its parameters take the arrays of their names, if there are all of them; one parameter takes the batch as `fit`
    would hand it over.

    Raises:
        UsageError: nobody gave a sample, or the parameters are others.
    """
    from gradlint.checking.step import check_step
    from gradlint.load.model import is_factory, step_of
    from gradlint.load.sample import load_sample

    if not is_factory(target) or (step := step_of(target, options.imports)) is None:
        return None
    if sample is None:
        raise UsageError(f"{target} is a training step: give it a sample, as in gradlint {target} --sample batch.npz")
    from gradlint.upstream import models

    arrays = load_sample(sample) if isinstance(sample, (str, Mapping)) or hasattr(sample, "__fspath__") else {}
    names = models.parameters_of(step)
    chosen: dict[str, Any] = {
        "models": options.models,
        "variables": options.variables,
        "seed": options.seed,
        "probes": options.probes,
        "select": options.select,
        "ignore": options.ignore,
        "fail_on": options.fail_on,
        "thresholds": dict(options.thresholds),
    }
    if arrays and set(names) <= set(arrays):
        return check_step(step, *(models.as_tensors(arrays[name]) for name in names), **chosen)
    batch: object = sample
    if arrays:
        batch = _nested(arrays) if is_batch(arrays) else packed(arrays)
    if len(names) == 1:
        return check_step(step, models.as_tensors(batch), **chosen)
    if isinstance(batch, tuple) and len(batch) == len(names):
        return check_step(step, *(models.as_tensors(part) for part in batch), **chosen)
    raise UsageError(
        f"{target} takes {', '.join(names)}; the sample has {', '.join(arrays) or 'other parts'}. Name its arrays so"
    )


def check_batch(model: Any, batch: object, options: Options) -> Result:
    """Run the model's own `train_step` on a batch, and find out what it loses."""
    from gradlint.checking.step import check_step
    from gradlint.upstream import models

    result = check_step(
        model.train_step,
        models.as_tensors(batch),
        models=(model, *options.models),
        variables=options.variables,
        seed=options.seed,
        probes=options.probes,
        select=options.select,
        ignore=options.ignore,
        fail_on=options.fail_on,
        thresholds=dict(options.thresholds),
    )
    return replace(result, target=str(model.name))
