"""Batches as `fit` hands them over, and the arrays that are in them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gradlint.load.batch import by_key, first_batch, is_numbered
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.load.sample import load_sample
from gradlint.load.sources import read_source
from gradlint.load.spec import LABEL, SAMPLE_WEIGHT

if TYPE_CHECKING:
    from gradlint.load.spec import ModelSpec
    from gradlint.options import Options


def is_batch(sample: object) -> bool:
    """Whether a sample is a batch as `fit` would hand it over, and no arrays by input key."""
    if isinstance(sample, Mapping):
        return is_numbered(sample)
    return sample is not None and not isinstance(sample, (str, os.PathLike))


def arrays_of(sample: object, spec: ModelSpec, options: Options) -> object:
    """The arrays of a sample by key, or the path of an `.npz`, whose headers are read before its arrays; None for none.

    Args:
        sample: whatever `gradlint.check()` takes.
        spec: of the model: which inputs it has.
        options: how much of it is taken.

    Raises:
        SampleError: it gives no arrays.
    """
    sample = read(sample, options)
    if sample is None or (isinstance(sample, str) and not options.batch):
        return sample
    if isinstance(sample, str):
        sample = load_sample(sample, options.limits or DEFAULT_LIMITS)
    inputs = spec.inputs or ()
    batch = first_batch(sample, inputs, options.batch or 0)
    return by_key(batch, [entry.key for entry in inputs], [key for _, key in options.targets], spec.outputs)


def read(sample: object, options: Options) -> object:
    """A sample that is named, or the name itself where it is an `.npz`'s; others as they are."""
    if not isinstance(sample, (str, os.PathLike)):
        return sample
    return read_source(os.fspath(sample), options.limits or DEFAULT_LIMITS, options.batch or 0)


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
