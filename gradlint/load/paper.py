"""A model file and its sample on paper: nothing of them is run, and TensorFlow is not there yet."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.load.given import arrays_of, limits_of
from gradlint.load.preflight import read_spec
from gradlint.load.trust import refuse_unsafe

if TYPE_CHECKING:
    from gradlint.load.content import UnsafeContent
    from gradlint.load.spec import ModelSpec
    from gradlint.options import Options


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a file says of its model.

    Attributes:
        path: as the user named it.
        contents: what in it is not Keras's own.
        sample: arrays by key, or the path of an `.npz`; None for none.
    """

    path: str
    spec: ModelSpec
    contents: tuple[UnsafeContent, ...]
    sample: object


def read_file(path: str, sample: object, options: Options) -> ModelFile:
    """What a file says, and the sample that is given with it.

    The weights are looked at once the model is to be loaded (`with_weights`): a mistake that the sample and the
    configuration show is told without them.

    Raises:
        GradlintError: one of them cannot be read, or is not safe.
    """
    spec, contents = _read(path, options, weights=options.depth == "preflight")
    return ModelFile(path, spec, contents, arrays_of(sample, spec, options))


def with_weights(file: ModelFile, options: Options) -> ModelFile:
    """A file whose weights have been looked at, where they will be loaded.

    Raises:
        GradlintError: as `read_file`.
    """
    if options.is_symbolic or options.depth == "preflight":
        return file
    spec, contents = _read(file.path, options, weights=True)
    return replace(file, spec=spec, contents=contents)


def _read(path: str, options: Options, *, weights: bool) -> tuple[ModelSpec, tuple[UnsafeContent, ...]]:
    spec, contents = read_spec(path, limits_of(options), weights=weights)
    # Classes that the user's own code has registered are known only to a process that has imported it.
    imported = bool(options.imports or options.custom_objects) or "keras" in sys.modules
    refuse_unsafe(path, contents, trust=options.trust_model, has_imports=imported, version=spec.keras_version)
    return spec, contents
