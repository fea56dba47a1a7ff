"""The sample: arrays by key, from an `.npz` file or a dict, or made up from the model's inputs."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.errors import SampleError
from gradlint.load.arrays import dtype_name, read_array_specs, refuse_empty
from gradlint.load.limits import DEFAULT_LIMITS, refuse_beyond_memory
from gradlint.load.spec import ArraySpec, InputSpec, LayerSpec, ModelSpec

if TYPE_CHECKING:
    from os import PathLike
    from typing import TypeAlias

    import numpy as np

    from gradlint.load.limits import Limits

    Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.generic]]

    Sample: TypeAlias = str | PathLike[str] | Mapping[str, object]

FREE_AXIS = 8
"""Length of a made-up axis whose size the model leaves open; the same for all, since such axes often
have to agree (tokens and their mask)."""
_DRAWN = 12
"""Bytes for each number of a made-up array: NumPy draws in double precision, before it casts."""
WORDS = ("red", "green", "blue", "yellow")
SHAPE_ONLY = frozenset({"Flatten", "Reshape", "Permute", "RepeatVector", "Identity", "Activation", "GetItem"})
"""Layers that hand values on as they are: what follows them sees the input's own numbers."""
VOCABULARY_SIZES = ("input_dim", "vocabulary_size", "vocab_size", "num_tokens")
"""Arguments of Keras and KerasHub layers that bound the ids they take."""


def load_sample(sample: Sample, limits: Limits = DEFAULT_LIMITS) -> dict[str, object]:
    """Reads a sample.

    Args:
        sample: path of an `.npz` file, or arrays, tensors, ragged tensors or lists by key; dicts inside
            give keys joined by `/`.
        limits: what a file may ask for.

    Returns:
        NumPy arrays by key, in the sample's order; ragged and sparse tensors as they are.

    Raises:
        SampleError: the file cannot be read, or an entry is no array of numbers, booleans or text.
    """
    if isinstance(sample, Mapping):
        arrays = {key: _array(key, value) for key, value in _flat(sample)}
    else:
        arrays = _read_npz(Path(sample), limits)
    if not arrays:
        raise SampleError("the sample holds no arrays")
    arrays = {key: _in_double(value) for key, value in arrays.items()}
    for spec in array_specs(arrays):
        refuse_empty(spec)
    return arrays


def _in_double(value: object) -> object:
    """An array in the most precise form that TensorFlow has; `fit` converts those of more digits, too."""
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype not in (np.longdouble, np.clongdouble):
        return value
    return value.astype(np.complex128 if value.dtype.kind == "c" else np.float64, copy=False)


def array_specs(sample: Mapping[str, object]) -> tuple[ArraySpec, ...]:
    """Describes the arrays of a loaded sample, in its order.

    Args:
        sample: what `load_sample` returned.
    """
    return tuple(_array_spec(key, value) for key, value in sample.items())


def _flat(sample: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in sample.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


def _read_npz(path: Path, limits: Limits) -> dict[str, object]:
    import numpy as np

    # The headers first: they say what is wrong with a file, and how large it claims to be, before any
    # of it is unpacked.
    keys = [spec.key for spec in read_array_specs(path, limits)]
    try:
        with np.load(path, allow_pickle=False) as archive:
            # By the member's whole name: beside `x.npy`, NumPy would give its values for those of `x.npy.npy`.
            return {key: archive[f"{key}.npy"] for key in keys}
    except Exception as error:  # of zipfile, zlib and NumPy
        raise SampleError(f"{path}: the arrays cannot be read: {error}") from error


def _array(key: str, value: object) -> object:
    """One entry of a dict sample as an array; tensors that NumPy has no word for stay what they are."""
    import numpy as np

    if _is_composite(value):
        return value
    if callable(getattr(value, "numpy", None)) and not isinstance(value, np.ndarray):
        value = value.numpy()  # type: ignore[attr-defined]  # tensors, variables
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        ragged = "inhomogeneous" in str(error)
        reason = "its rows differ in length; pass tf.ragged.constant(...)" if ragged else str(error)
        raise SampleError(f"the sample's {key!r} is no array: {reason}") from error
    if array.dtype.kind == "O":
        kinds = {type(item) for item in array.flat}
        if kinds <= {str, np.str_}:
            return array.astype(np.str_)
        if kinds <= {bytes, np.bytes_}:
            return array.astype(np.bytes_)
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise SampleError(f"the sample's {key!r} holds Python objects ({names}); give numbers, booleans or text")
    # Kind V with a type of its own is ml_dtypes' bfloat16 and the like; without one it is a structure.
    if array.dtype.kind not in "biufcSU" and not (array.dtype.kind == "V" and array.dtype.type is not np.void):
        raise SampleError(f"the sample's {key!r} has dtype {array.dtype}; give numbers, booleans or text")
    return array


def _is_composite(value: object) -> bool:
    """True for TensorFlow's ragged and sparse tensors, told by name so that TensorFlow is not needed."""
    return type(value).__name__ in ("RaggedTensor", "SparseTensor")


def _array_spec(key: str, value: object) -> ArraySpec:
    import numpy as np

    if not isinstance(value, np.ndarray):
        shape = getattr(value, "shape", ())
        dtype = getattr(value, "dtype", None)
        return ArraySpec(key, tuple(n if n is None else int(n) for n in shape), str(getattr(dtype, "name", dtype)))
    whole = bool(np.all(value == np.floor(value))) if value.dtype.kind == "f" else None
    return ArraySpec(key, value.shape, dtype_name(value.dtype), whole)


# --- made-up samples --------------------------------------------------------------------------------


def synthesise(spec: ModelSpec, seed: int, batch: int = 4, limits: Limits = DEFAULT_LIMITS) -> dict[str, Array]:
    """Makes up a sample from what the model says of its inputs.

    Floats are standard normal, booleans True (masks that hide nothing), text a few words, integers
    small ids that every embedding they may reach has a row for. Equal arguments give equal arrays,
    and an input's array does not depend on the other inputs.

    Args:
        spec: the model.
        seed: chooses the values.
        batch: length of the batch axis where the model leaves it open.
        limits: on the memory it may take.

    Returns:
        An array per input key.

    Raises:
        SampleError: the model does not say what its inputs are.
        ModelFileError: they are too large to be made up.
    """
    if not spec.inputs:
        raise SampleError(
            f"the model {spec.name!r} does not say what its inputs are, so no sample can be made up; pass SAMPLE"
        )
    sample: dict[str, Array] = {}
    shapes = [_made_up_shape(entry, batch) for entry in spec.inputs]
    size = sum(_DRAWN * math.prod(shape) for shape in shapes)
    refuse_beyond_memory(f"a sample for the inputs of {spec.name!r} takes", size, limits)
    ids = _Ids(spec)
    for entry, shape in zip(spec.inputs, shapes, strict=True):
        try:
            sample[entry.key] = _made_up(ids, entry, shape, seed)
        except (TypeError, ValueError, OverflowError) as error:  # too many axes, a dtype that is none
            what = f"of shape {shape} and dtype {entry.dtype!r}"
            raise SampleError(f"no sample can be made up for the input {entry.key!r} {what}: {error}") from error
    return sample


def _made_up(ids: _Ids, entry: InputSpec, shape: tuple[int, ...], seed: int) -> Array:
    import numpy as np

    # The key, not the position, chooses the stream: adding an input changes no other.
    random = np.random.default_rng([seed, zlib.crc32(entry.key.encode("utf-8", "surrogatepass"))])
    bound, are_ids = ids.bound(entry)
    if entry.dtype == "string":
        return random.choice(np.array(WORDS), size=shape)
    if entry.dtype == "bool":
        return np.ones(shape, np.bool_)
    if are_ids or "int" in entry.dtype:
        kind = entry.dtype if hasattr(np, entry.dtype) and "bfloat" not in entry.dtype else "float32"
        return random.integers(0, bound, size=shape).astype(kind)
    kind = entry.dtype if entry.dtype in ("float16", "float64", "complex64", "complex128") else "float32"
    return random.normal(size=shape).astype(kind)


def _made_up_shape(entry: InputSpec, batch: int) -> tuple[int, ...]:
    if any(length is not None and length < 0 for length in entry.shape):
        raise SampleError(f"the model's input {entry.key!r} has the shape {entry.shape}, which no array can have")
    free = [batch, *[FREE_AXIS] * (len(entry.shape) - 1)]
    return tuple(length if length else free[axis] for axis, length in enumerate(entry.shape))


class _Ids:
    """Which ids the inputs of a model may hold; every layer is looked at once, whatever the number of inputs."""

    def __init__(self, spec: ModelSpec) -> None:
        self._sizes = {layer.path: size for layer in spec.layers if (size := _vocabulary_size(layer)) is not None}
        self._consumed = {name for layer in spec.layers for name in layer.inbound}
        self._smallest: dict[str, int] = {}
        self._direct: set[str] = set()
        if self._sizes:
            self._look_upstream(spec.layers)

    def bound(self, entry: InputSpec) -> tuple[int, bool]:
        """(exclusive upper bound of ids, the input certainly feeds an embedding).

        Integers are kept below the smallest vocabulary anywhere downstream, which is safe whatever the layers between
        do. A float input is an id only if nothing but reshaping stands before the embedding.
        """
        if not self._sizes:
            return 2, False
        if entry.name not in self._consumed:
            # No graph to follow (subclassed). A table of ids has rank 2 at most; anything else is data.
            return _few(min(self._sizes.values())), not entry.declared and len(entry.shape) <= 2
        return _few(self._smallest.get(entry.name, 2)), entry.name in self._direct

    def _look_upstream(self, layers: tuple[LayerSpec, ...]) -> None:
        by_path: dict[str, list[LayerSpec]] = {}
        for layer in layers:
            by_path.setdefault(layer.path, []).append(layer)

        def feeders(path: str) -> Iterator[str]:
            for layer in by_path.get(path, ()):
                yield from layer.inbound

        # The smallest vocabulary first: what leads to it needs no second look for a larger one.
        for path, size in sorted(self._sizes.items(), key=lambda item: item[1]):
            parts = path.split("/")
            waiting = [name for end in range(1, len(parts) + 1) for name in feeders("/".join(parts[:end]))]
            while waiting:
                name = waiting.pop()
                if name not in self._smallest:
                    self._smallest[name] = size
                    waiting += feeders(name)
        waiting = [name for path in self._sizes for name in feeders(path)]
        while waiting:
            name = waiting.pop()
            if name not in self._direct:
                self._direct.add(name)
                if any(layer.class_name in SHAPE_ONLY for layer in by_path.get(name, ())):
                    waiting += feeders(name)


def _few(size: int) -> int:
    # Some ids are positions on a free axis as well (`mask_positions` of a masked language model).
    return max(1, min(size, FREE_AXIS))


def _vocabulary_size(layer: LayerSpec) -> int | None:
    if "Embedding" not in layer.class_name and layer.class_name != "CategoryEncoding":
        return None
    sizes = (layer.config.get(name) for name in VOCABULARY_SIZES)
    return next((size for size in sizes if isinstance(size, int) and not math.isinf(size)), None)
