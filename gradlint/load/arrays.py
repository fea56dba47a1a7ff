"""The arrays of an `.npz` file by their headers: keys, shapes and dtypes, without loading one."""

from __future__ import annotations

import math
from typing import IO, TYPE_CHECKING

from gradlint.errors import SampleError
from gradlint.load.archive import AGAIN, open_archive, open_member
from gradlint.load.files import require_file
from gradlint.load.limits import DEFAULT_LIMITS, MOST_NAME, Limits, refuse_beyond_memory, size_text
from gradlint.load.spec import ArraySpec, quoted

if TYPE_CHECKING:
    import os
    from pathlib import Path

    import numpy as np


HEADER_BYTES = 10_000
"""NumPy's own limit on the header of an array, beyond which parsing it is not safe."""


def read_array_specs(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> tuple[ArraySpec, ...]:
    """Reads keys, shapes and dtypes of an `.npz` file from the headers, without loading an array.

    Raises:
        SampleError: the file is broken, or holds what is no array of numbers, booleans or text.
    """
    file = require_file(path, SampleError, "a sample")
    specs: list[ArraySpec] = []
    total = 0
    with open_archive(file, SampleError, "an .npz archive; save the sample with numpy.savez", limits) as archive:
        for info in archive.infolist():
            key = info.filename.removesuffix(".npy")
            if len(key) > MOST_NAME:  # every finding about a key names some of the others
                raise SampleError(f"{file} has a key of {len(key):,} characters, more than {MOST_NAME:,}")
            if not info.filename.endswith(".npy"):
                raise SampleError(f"{file} holds {info.filename!r}, which is not an array")
            with open_member(file, archive, info, SampleError) as stream:
                specs.append(_array_header(file, key, info.file_size, stream))
            refuse_empty(specs[-1])
            total += info.file_size
    if not specs:
        raise SampleError(f"{file} holds no arrays")
    refuse_beyond_memory(f"{file}: its arrays take", total, limits, SampleError)
    return tuple(specs)


def _array_header(file: Path, key: str, size: int, stream: IO[bytes]) -> ArraySpec:
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None and version != (3, 0):
            raise SampleError(f"{file}: {key!r} is in version {version[0]}.{version[1]} of the .npy format, not 1 or 2")
        if read is None:  # version 3 exists for structures with non-ASCII field names only
            raise SampleError(f"{file}: {key!r} is a structured array; save each field under its own key")
        shape, _, dtype = read(stream, max_header_size=HEADER_BYTES)
        if any(isinstance(length, bool) for length in shape):  # for NumPy, True is 1
            raise ValueError(f"no shape: {shape}")
    except SampleError:
        raise
    except Exception as error:  # NumPy reads headers with Python's own parsers, which raise errors of many kinds
        reason = str(error).partition("\n")[0]  # for a long header, the rest is how to trust it with pickles
        raise SampleError(f"{file}: the header of {key!r} is broken: {reason}; {AGAIN}") from error
    if dtype.hasobject:
        raise SampleError(
            f"{file}: {key!r} holds pickled Python objects, which are never loaded; "
            "convert it to numbers or text before saving, such as array.astype('float32') or .astype(str)"
        )
    _refuse_other_dtypes(file, key, dtype)
    promised = math.prod(shape) * dtype.itemsize
    held = size - stream.tell()
    if promised != held or any(length < 0 for length in shape):
        raise SampleError(
            f"{file}: the header of {key!r} promises {_exact(promised)} bytes {_shape_text(shape)}, "
            f"but the file holds {held:,}"
        )
    return ArraySpec(key, tuple(shape), dtype_name(dtype))


def _exact(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**18 else size_text(abs(number))  # Python refuses to print huge ones


def _shape_text(shape: tuple[int, ...]) -> str:
    shown = ", ".join(_exact(length) for length in shape[:8])
    return f"({shown}{', ...' if len(shape) > 8 else ',' * (len(shape) == 1)})"


def _refuse_other_dtypes(file: Path, key: str, dtype: np.dtype[np.generic]) -> None:
    if dtype.names is not None:
        raise SampleError(
            f"{file}: {key!r} is a structured array with the fields {quoted(dtype.names)}; "
            "save each field under its own key"
        )
    if dtype.kind not in "biufcSU":
        raise SampleError(f"{file}: {key!r} has dtype {dtype}; give numbers, booleans or text")
    if dtype.itemsize == 0:  # no byte in the file stands behind any number of them
        raise SampleError(f"{file}: {key!r} holds texts of no characters; give numbers, booleans or text")


def refuse_empty(spec: ArraySpec) -> None:
    """Raises SampleError for an array without elements: nothing could be said of its gradient."""
    if 0 in spec.shape:
        raise SampleError(
            f"the sample's {spec.key!r} has shape {spec.shape}, which holds no element; "
            "give at least one example with every axis at least 1"
        )


def dtype_name(dtype: np.dtype[np.generic]) -> str:
    """NumPy's name of a dtype; text of any width is `string`, as in Keras."""
    return "string" if dtype.kind in "SUT" else str(dtype.name)
