"""What a user gives as a sample: named or at hand, by key; on paper first, and then its arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from gradlint.errors import SampleError, UsageError
from gradlint.load.arrays import read_array_specs
from gradlint.load.batch import by_key, first_batch, is_frame, is_nested
from gradlint.load.limits import DEFAULT_LIMITS, Limits
from gradlint.load.sample import array_specs, load_sample, synthesise
from gradlint.load.search import is_named
from gradlint.load.sources import read_source
from gradlint.load.spec import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from gradlint.load.spec import ArraySpec, InputSpec, ModelSpec
    from gradlint.options import Options


def arrays_of(sample: object, spec: ModelSpec, options: Options) -> object:
    """The arrays of a sample by key, or the path of an `.npz`, whose headers are read before its arrays; None for none.

    Args:
        sample: whatever `gradlint.check()` takes.
        spec: of the model: which inputs it has.
        options: how much of it is taken.

    Raises:
        SampleError: it gives no arrays.
    """
    inputs = spec.inputs or ()
    sample = opened(read(sample, options), inputs, options)
    if sample is None or (isinstance(sample, str) and not options.batch):
        return sample
    if isinstance(sample, str):
        sample = load_sample(sample, limits_of(options))
    batch = first_batch(sample, inputs, options.batch or 0)
    arrays = by_key(batch, [entry.key for entry in inputs], [key for _, key in options.targets], spec.outputs)
    if is_frame(batch) and len(arrays) == len(inputs) == 1:
        _refuse_one_column_more(batch, inputs[0])
    return arrays


def opened(sample: object, inputs: Sequence[InputSpec], options: Options) -> object:
    """The arrays of an `.npz` whose keys are places in a batch; anything else as it is."""
    if not isinstance(sample, (str, os.PathLike)) or is_named(os.fspath(sample)):
        return sample
    if not os.fspath(sample).endswith(".npz"):
        return sample
    keys = [entry.key for entry in read_array_specs(sample, limits_of(options))]
    return load_sample(sample, limits_of(options)) if is_nested(keys, inputs) else sample


def _refuse_one_column_more(frame: Any, entry: InputSpec) -> None:
    """The features of a table have a column more than the input takes: its labels, under a name that nobody knows."""
    names = [str(name) for name in frame.columns]
    if entry.declared and len(entry.shape) == 2 and entry.shape[1] == len(names) - 1:
        raise SampleError(
            f"the data frame has the columns {quoted(names)}, one more than the {entry.shape[1]} of the input "
            f"{entry.key!r}: say which one holds the labels, --target {names[-1]}"
        )


def read(sample: object, options: Options) -> object:
    """A sample that is named, or the name itself where it is an `.npz`'s; others as they are."""
    if not isinstance(sample, (str, os.PathLike)):
        return sample
    name = os.fspath(sample)
    if not name:
        raise SampleError("the name of the sample is empty; leave it out for one that is made up")
    with drawing_alike(options) if is_named(name) else nullcontext():
        return read_source(name, limits_of(options), options.batch or 0)


def drawing_alike(options: Options) -> AbstractContextManager[None]:
    """Where code of the user's runs: what it draws follows from the seed; on paper only without TensorFlow's part."""
    if options.depth == "preflight":
        return nullcontext()
    from gradlint.upstream.starting import quiet_tensorflow

    quiet_tensorflow()
    from gradlint.upstream.restoring import seeded

    return seeded(options.seed)


def on_paper(spec: ModelSpec, sample: object, options: Options) -> tuple[ArraySpec, ...]:
    """The sample's arrays on paper: of a file, only the headers are read."""
    if sample is None:
        return array_specs(dict(synthesise(spec, options.seed, limits=limits_of(options))))
    if isinstance(sample, (str, os.PathLike)):
        return read_array_specs(sample, limits_of(options))
    return array_specs(load_sample(mapped(sample)))


def loaded(sample: object, options: Options) -> object:
    """The sample's arrays; on symbols, the sample as it was given, since its headers will do."""
    if options.is_symbolic:
        if isinstance(sample, Mapping) and any(
            type(value).__name__ in ("RaggedTensor", "SparseTensor") for value in sample.values()
        ):
            raise UsageError("depth 'structure' takes dense samples; use depth 'values' for ragged and sparse ones")
        return sample
    if sample is None:
        return None
    if isinstance(sample, (str, os.PathLike)):
        return load_sample(sample, limits_of(options))
    return load_sample(mapped(sample))


def mapped(sample: object) -> Mapping[str, object]:
    """A sample that is no file, as arrays by key.

    Raises:
        SampleError: it is something else.
    """
    if not isinstance(sample, Mapping):
        raise SampleError(f"a sample must be a dict of arrays or the path of an .npz file, not {type(sample).__name__}")
    return sample


def limits_of(options: Options) -> Limits:
    """What files may ask for."""
    return options.limits or DEFAULT_LIMITS
