"""One batch from whatever `fit` takes: arrays, tuples, datasets, data frames, generators, tensors of other frameworks.

Everything is told by what it can do, so that neither pandas nor another framework is imported for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from gradlint.errors import GradlintError, SampleError
from gradlint.load.binding import is_called_label
from gradlint.load.spec import LABEL, SAMPLE_WEIGHT, InputSpec, place_of_input, place_of_output, quoted
from gradlint.upstream.raised import blame

# Parts of a batch that `fit` takes apart, in its order.
PARTS = ("x", LABEL, SAMPLE_WEIGHT)
ROWS = 32
"""Rows of a batch where nobody says: what `fit` takes."""


def first_batch(sample: object, inputs: Sequence[InputSpec] = (), rows: int = 0) -> object:
    """The first batch of a sample; whatever gives batches is asked for one, and no more.

    Args:
        sample: what `fit` takes.
        inputs: of the model, as far as it declares them: they tell a dataset of single examples from one of batches.
        rows: as many, where the sample has more; all that there are when 0.

    Returns:
        An array, or arrays in tuples, lists and dicts.

    Raises:
        SampleError: there is none.
    """
    if isinstance(sample, Mapping) and is_nested(sample, inputs):
        sample = nested(sample)
    try:
        if callable(sample) and not hasattr(sample, "shape") and not _gives_batches(sample):
            sample = sample()
        if _gives_batches(sample):
            sample = _first_of(sample, inputs, rows)
    except GradlintError:
        raise
    except Exception as error:  # of the user's function, generator or dataset
        raise SampleError(f"the {_called(sample)} gives no batch: {blame(error)}") from error
    if not (
        isinstance(sample, (Mapping, list, tuple)) or is_frame(sample) or getattr(sample, "shape", None) is not None
    ):
        raise SampleError(
            f"a sample must be what fit takes: arrays such as (x, y) or a dict of them, a dataset or a generator of "
            f"batches, a data frame, or the path of a file; not {type(sample).__name__}"
        )
    sample = _of_arrays(sample)
    return _shortened(sample, rows) if rows else sample


def is_nested(keys: Iterable[object], inputs: Sequence[InputSpec] = ()) -> bool:
    """Whether keys are places in a batch, such as `0`, `1`, `0/left` or `x/left`, and no names of inputs."""
    names = [str(key) for key in keys]
    heads = {name.partition("/")[0] for name in names}
    if {entry.key for entry in inputs} & set(names):
        return False
    return _are_numbers(heads) or ("x" in heads and heads <= set(PARTS) and any("/" in name for name in names))


def _are_numbers(keys: set[str]) -> bool:
    return bool(keys) and keys == {str(number) for number in range(len(keys))}


def nested(sample: Mapping[Any, object]) -> object:
    """Tuples and dicts where the keys are `0`, `1`, `0/left`, `x/left`."""
    groups: dict[str, object] = {}
    deeper: dict[str, dict[str, object]] = {}
    for key, value in sample.items():
        head, _, rest = str(key).partition("/")
        if rest:
            deeper.setdefault(head, {})[rest] = value
        else:
            groups[head] = nested(value) if isinstance(value, Mapping) else value
    groups.update({head: nested(parts) for head, parts in deeper.items()})
    if _are_numbers(set(groups)):
        return tuple(groups[str(number)] for number in range(len(groups)))
    if set(groups) in ({"x", LABEL}, set(PARTS)):
        return tuple(groups[part] for part in PARTS if part in groups)
    if set(groups) == {"x"} and deeper:
        return (groups["x"],) if isinstance(groups["x"], tuple) else groups["x"]  # as fit hands it over
    return groups


def _gives_batches(sample: object) -> bool:
    """True for datasets, generators and sequences of batches."""
    if isinstance(sample, list):  # batches that somebody has gathered
        return bool(sample) and all(isinstance(part, tuple) and any(map(_is_array, part)) for part in sample)
    if isinstance(sample, (Mapping, Set, str, bytes, tuple)) or hasattr(sample, "shape"):
        return False
    return hasattr(sample, "__iter__") or hasattr(sample, "__next__") or _is_indexed(sample)


def _is_array(value: object) -> bool:
    return hasattr(value, "shape")


def _is_indexed(sample: object) -> bool:
    """True for a `PyDataset`, and what else counts its batches."""
    return hasattr(sample, "__getitem__") and hasattr(sample, "__len__")


def _first_of(sample: Any, inputs: Sequence[InputSpec], rows: int) -> object:
    single = hasattr(sample, "element_spec") and _is_unbatched(sample.element_spec, inputs)
    if single:
        sample = sample.batch(rows or ROWS)
    try:
        if _is_indexed(sample) and not hasattr(sample, "element_spec"):
            return sample[0]
        return next(iter(sample))
    except (StopIteration, IndexError):
        raise SampleError(f"the {_called(sample)} is empty: it gives no batch") from None


def _called(sample: object) -> str:
    if hasattr(sample, "element_spec"):
        return "dataset"
    return f"{type(sample).__name__} {getattr(sample, '__name__', '')}".rstrip()


def _is_unbatched(element: object, inputs: Sequence[InputSpec]) -> bool:
    """Whether the elements of a dataset are single examples, by their ranks and those of the model's inputs."""
    x = element[0] if isinstance(element, tuple) and element else element
    shapes = [shape for shape in map(_axes, leaves(x)) if shape is not None]
    declared = [entry for entry in inputs if entry.declared]
    if declared and len(shapes) == len(declared):
        ranks = sorted(len(entry.shape) for entry in declared)
        if sorted(len(shape) + 1 for shape in shapes) == ranks:
            return True
        if sorted(map(len, shapes)) == ranks:
            return False
    every = [shape for shape in map(_axes, leaves(element)) if shape is not None]
    return any(not shape for shape in every) or len({shape[0] for shape in every}) > 1


def _axes(spec: object) -> tuple[int | None, ...] | None:
    rank = getattr(getattr(spec, "shape", None), "rank", None)
    return None if rank is None else tuple(spec.shape)  # type: ignore[attr-defined]  # a TensorSpec has one


def leaves(part: object) -> Iterator[object]:
    """Yields what is inside of tuples, lists and dicts."""
    if isinstance(part, Mapping):
        part = list(part.values())
    if isinstance(part, (list, tuple)):
        for inner in part:
            yield from leaves(inner)
    elif part is not None:
        yield part


def _mapped(part: object, change: Callable[[object], object]) -> object:
    """The same structure with every leaf changed; lists of plain numbers or texts are leaves."""
    if isinstance(part, Mapping):
        return {str(key): _mapped(value, change) for key, value in part.items()}
    if isinstance(part, tuple) or (isinstance(part, list) and any(not _is_plain(inner) for inner in part)):
        made = [_mapped(inner, change) for inner in part]
        return tuple(made) if isinstance(part, tuple) else made
    return None if part is None else change(part)


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return isinstance(value, (int, float, complex, str, bytes))


def _of_arrays(sample: object) -> object:
    return sample if is_frame(sample) else _mapped(sample, as_array)


def as_array(value: Any) -> object:
    """An array for a data frame, a series, a sparse matrix or a tensor of another framework; anything else as it is."""
    if is_frame(value) or hasattr(value, "iloc"):
        return value.to_numpy()
    if type(value).__name__ == "PerReplica":  # of a distributed dataset; one replica is looked at
        return value.values[0]
    if hasattr(value, "detach"):  # torch: a tensor with a gradient gives no array, nor does one on a device
        return value.detach().cpu().numpy()
    if hasattr(value, "toarray"):  # scipy.sparse
        return value.toarray()
    if isinstance(value, list):
        import numpy as np

        try:
            return np.asarray(value)
        except ValueError:  # rows of different lengths
            raise SampleError(
                "the rows of a list differ in length; pad them, or pass tf.ragged.constant(...)"
            ) from None
    return value


def is_frame(value: object) -> bool:
    """True for a data frame, told by what it can do."""
    return hasattr(value, "columns") and hasattr(value, "to_numpy")


def _shortened(sample: Any, rows: int) -> object:
    if is_frame(sample):
        return sample.iloc[:rows]
    return _mapped(sample, lambda value: _rows_of(value, rows))


def _rows_of(value: Any, rows: int) -> object:
    return value[:rows] if len(getattr(value, "shape", ())) else value


# -- by key ----------------------------------------------------------------------------------------------


def by_key(
    batch: object, inputs: Sequence[str], targets: Sequence[str] = (), outputs: Sequence[str] = ()
) -> dict[str, object]:
    """The arrays of a batch by key, for a model that `fit` trains: inputs, labels, sample weights.

    Args:
        batch: `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`; a data frame, by its columns.
        inputs: the model's input keys, in its order.
        targets: columns of a data frame that are labels, besides `y`.
        outputs: the model's outputs, in its order: they name the labels of a list; empty where the model does not say.
    """
    if is_frame(batch):
        return _columns(batch, inputs, targets)
    if isinstance(batch, Mapping):
        rest = {key: value for key, value in batch.items() if key != LABEL or LABEL in inputs}
        return rest if len(rest) == len(batch) else rest | _of_outputs(LABEL, batch[LABEL], outputs)
    if isinstance(batch, list) and len(inputs) == 1 and len(batch) in (2, 3):
        batch = tuple(batch)  # one input: what follows it are the labels
    if isinstance(batch, tuple) and len(batch) > len(PARTS) and inputs and len(inputs) != len(batch):
        raise SampleError(
            f"the sample has {len(batch)} parts; give what fit takes: (x, y) or (x, y, sample_weight), with several "
            "inputs or labels as a list or a dict inside: ([a, b], y)"
        )
    if isinstance(batch, tuple) and 1 < len(batch) <= len(PARTS) < 2 + len(inputs) and _is_array(batch[0]):
        if isinstance(batch[1], (list, Mapping)) and len(batch[1]) == len(inputs) != len(outputs):
            raise SampleError(
                f"the model has the inputs {quoted(inputs)}, and the second part of the sample has one array for each: "
                "labels and inputs look exchanged; the inputs come first: ([a, b], y)"
            )
        raise SampleError(
            f"the model has the inputs {quoted(inputs)}, and x, the first part of the sample, is one array: put one "
            "for each into a list, or a dict by these names: ([a, b], y), and [a, b] where there are no labels"
        )
    parts: list[object] = list(batch) if isinstance(batch, tuple) and 1 <= len(batch) <= 3 else [batch]
    if parts[0] is None:
        raise SampleError("the sample has no inputs, None stands in their place; they come first: (x, y)")
    found = _inputs(parts[0], inputs)
    if len(parts) > 1:  # What stands in x is an input, whatever it is called.
        found = {place_of_input(key) if _is_of_labels(key) and key not in inputs else key: found[key] for key in found}
    for name, part in zip(PARTS[1:], parts[1:], strict=False):
        if part is not None:
            found |= _of_outputs(name, part, outputs)
    return found


def _is_of_labels(key: str) -> bool:
    """Whether a key that stands alone would be read as labels or weights."""
    return key.partition(":")[0] in PARTS[1:]


def _of_outputs(name: str, part: object, outputs: Sequence[str]) -> dict[str, object]:
    """Labels or weights by key, as `fit` takes them: an array, or a dict or list of arrays with one for each output."""
    if isinstance(part, (list, tuple)) and part:
        if len(outputs) > 1 and len(part) != len(outputs):
            raise SampleError(
                f"{name} has {len(part)} array{'' if len(part) == 1 else 's'}, and the model the outputs "
                f"{quoted(outputs)}: give one for each, best by name: {{{outputs[0]!r}: ...}}"
            )
        if len(part) == 1:
            return {name: part[0]}
        # What a model makes of more labels than outputs, a loss of its own knows.
        places = map(place_of_output, range(len(part)))
        part = dict(zip(outputs if len(outputs) == len(part) else places, part, strict=True))
    return {f"{name}:{output}": value for output, value in part.items()} if isinstance(part, Mapping) else {name: part}


def _inputs(x: object, inputs: Sequence[str]) -> dict[str, object]:
    if isinstance(x, Mapping):
        return dict(x)
    if isinstance(x, (list, tuple)):
        names = inputs if len(inputs) == len(x) else tuple(map(place_of_input, range(len(x))))
        return dict(zip(names, x, strict=True))
    return {inputs[0] if len(inputs) == 1 else "x": x}


def _columns(frame: Any, inputs: Sequence[str], targets: Sequence[str]) -> dict[str, object]:
    """The columns by name where the inputs are called so; else those that are no labels, side by side."""
    names = [str(name) for name in frame.columns]
    columns = dict(zip(names, frame.columns, strict=True))
    own = [name for name in names if name in (LABEL, SAMPLE_WEIGHT, *targets) or name.startswith(f"{LABEL}:")]
    named = [name for name in names if is_called_label(name) and name not in inputs]
    if len(named) == 1 and not own:
        own = named
    if len(inputs) == 1 and inputs[0] not in names:
        rest = [name for name in names if name not in own]
        if texts := [name for name in rest if str(frame[columns[name]].dtype) in ("object", "str", "string")]:
            raise SampleError(f"{quoted(texts)} of the data frame holds text; leave it out, or make it numbers")
        values = frame[[columns[name] for name in rest]].to_numpy()
        return {inputs[0]: values, **{name: frame[columns[name]].to_numpy() for name in own}}
    return {name: frame[column].to_numpy() for name, column in columns.items()}


def is_batch(sample: object) -> bool:
    """Whether a sample is a batch as `fit` would hand it over, and no arrays by input key."""
    if isinstance(sample, Mapping):
        return is_nested(sample)
    return sample is not None and not isinstance(sample, (str, os.PathLike))


def packed(arrays: Mapping[str, object], inputs: Sequence[str] = ()) -> object:
    """Arrays by key as `fit` hands them to a `train_step`.

    Args:
        arrays: inputs, labels (`y`, `y:output`) and `sample_weight`.
        inputs: the model's input keys, as far as it names them: what is called so is an input.
    """
    others = {key: value for key, value in arrays.items() if key not in inputs}
    labels = {key: value for key, value in others.items() if key.partition(":")[0] == LABEL}
    weight = others.get(SAMPLE_WEIGHT)
    given = {*labels, SAMPLE_WEIGHT} - set(inputs)
    rest = {key: value for key, value in arrays.items() if key not in given}
    x: object = next(iter(rest.values())) if len(rest) == 1 else rest
    if not labels:
        return x
    y: object = labels[LABEL] if set(labels) == {LABEL} else {key.partition(":")[2]: v for key, v in labels.items()}
    return (x, y) if weight is None else (x, y, weight)
