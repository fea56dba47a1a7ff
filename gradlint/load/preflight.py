"""Reads what a model file says of its model, without TensorFlow and without running anything.

Archives are read in place and never unpacked over the file system. Everything here answers in a fraction
of a second, whatever the size of the weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.errors import ModelFileError
from gradlint.load.configuration import config_and_weights
from gradlint.load.content import TRUST, Kind, UnsafeContent, unsafe_contents
from gradlint.load.demands import least_weights, refuse_hostile_names, refuse_many_layers, refuse_oversized
from gradlint.load.files import require_file
from gradlint.load.kinds import said_of_model
from gradlint.load.limits import DEFAULT_LIMITS, Limits
from gradlint.load.outline import spec_from_config

if TYPE_CHECKING:
    import os

    from gradlint.load.spec import ModelSpec

    pass


def read_spec(
    path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS, *, weights: bool = True
) -> tuple[ModelSpec, tuple[UnsafeContent, ...]]:
    """Reads what a `.keras` or legacy `.h5` file says of its model.

    Args:
        path: the model file.
        limits: what it may ask for.
        weights: they will be needed; else nobody looks whether they are there and how large they are.

    Returns:
        The model's inputs, layers and loss, and what in the file is not Keras's own.

    Raises:
        ModelFileError: the file is missing, broken, no Keras model, or larger than the limits.
        UnsafeModelError: the archive itself is malicious (names outside of it, links, bombs).
    """
    file = _model_file(path)
    config, version, held = config_and_weights(file, limits, weights)
    pickled: tuple[UnsafeContent, ...] = ()
    if weights and held is None:
        what = "weights as pickled Python objects (model.weights.npz)"
        pickled = (UnsafeContent("", Kind.CODE, what, TRUST, "model.weights.npz"),)
    refuse_hostile_names(file, config, limits)
    try:
        contents = (*unsafe_contents(config), *pickled)
        spec = spec_from_config(config, version)
    except RecursionError as error:  # only after --limit depth
        raise ModelFileError(f"{file}: the configuration is nested too deeply to be read") from error
    refuse_many_layers(file, spec, limits)
    if weights:
        refuse_oversized(file, least_weights(config), held, limits)
    return spec, contents


def _model_file(path: str | os.PathLike[str]) -> Path:
    """The file, unless its name already says that it is another kind of thing."""
    kind = Path(path)
    if said := said_of_model(kind):
        raise ModelFileError(f"{kind} {said}")
    return require_file(path, ModelFileError, "a model")
