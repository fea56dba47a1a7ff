"""What the weights of a model file are, read from HDF5 headers: no value is loaded, no other file is opened.

HDF5 can point to other files (external links, external and virtual data sets) and can declare arrays
that it does not hold. Keras guards against some of this in some versions; here it ends before Keras.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.errors import GradlintError, ModelFileError, UnsafeModelError
from gradlint.load.limits import LARGE, size_text

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    import h5py

    from gradlint.load.limits import Limits

_LOCAL_HEADER = struct.Struct("<26xHH")
"""The end of a zip member's own header: lengths of the name and of the extra field (APPNOTE 4.3.7)."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The data sets of a model file.

    Attributes:
        number: how many there are.
        size: bytes that they declare, together.
    """

    number: int = 0
    size: int = 0


def read_member_weights(file: Path, archive: zipfile.ZipFile, name: str, limits: Limits) -> Weights:
    """Describes the HDF5 file inside a `.keras` archive, in place when it is not compressed.

    Raises:
        ModelFileError: it is broken.
        UnsafeModelError: it points to other files, or declares more than it holds.
    """
    import h5py

    info = archive.getinfo(name)
    try:
        if info.compress_type == zipfile.ZIP_STORED:
            with file.open("rb") as stream, h5py.File(_Window(stream, info), "r") as store:
                return read_weights(file, store, limits, name)
        # Keras, too, reads it into memory; the sizes in the archive have been checked.
        with h5py.File(io.BytesIO(archive.read(info)), "r") as store:
            return read_weights(file, store, limits, name)
    except GradlintError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelFileError(f"{file}: the archive's member {name!r} is broken: {error}") from error
    except Exception as error:  # whatever h5py makes of a broken file
        raise ModelFileError(f"{file}: {name} is not a readable HDF5 file: {error}") from error


def read_weights(file: Path, store: h5py.File, limits: Limits, name: str = "") -> Weights:
    """Describes the data sets of an open HDF5 file.

    Args:
        file: names the model in messages.
        store: the open file.
        limits: on the number of data sets and what they declare.
        name: the archive's member, for messages.

    Raises:
        UnsafeModelError: one is not in the file itself, or declares what the file cannot hold.
    """
    import h5py

    where = f"{file}: {name} " if name else f"{file} "
    number = size = 0
    pending: list[tuple[str, h5py.Group]] = [("", store)]
    seen = {store.id}
    while pending:
        path, group = pending.pop()
        for key in group:
            number += 1
            if number > limits.items:
                raise UnsafeModelError(
                    f"{where}has more than {limits.items:,} groups and data sets; pass --limit items=N to allow more"
                )
            inner = f"{path}/{key}"
            link = group.get(key, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise UnsafeModelError(f"{where}has a link to another file at {inner!r} ({link.filename!r})")
            if isinstance(link, h5py.SoftLink):  # Keras writes none, and does not follow them
                continue
            item = group.get(key)
            if isinstance(item, h5py.Group) and item.id not in seen:  # hard links can form a loop
                seen.add(item.id)
                pending.append((inner, item))
            elif isinstance(item, h5py.Dataset):
                size += _declared(where, inner, item, limits)
    return Weights(number, size)


def _declared(where: str, path: str, data: h5py.Dataset, limits: Limits) -> int:
    if data.external:
        raise UnsafeModelError(f"{where}keeps the data set {path!r} in another file ({data.external[0][0]!r})")
    if data.is_virtual:
        raise UnsafeModelError(f"{where}has a virtual data set at {path!r}, which can read other files")
    if data.shape is None:  # an empty data set
        return 0
    declared: int = math.prod(data.shape) * data.dtype.itemsize
    stored = data.id.get_storage_size()
    if declared > LARGE and declared > limits.ratio * stored:
        raise UnsafeModelError(
            f"{where}declares {size_text(declared)} for the data set {path!r} but holds {size_text(stored)} of it; "
            "pass --limit ratio=N if you trust the file"
        )
    return declared


class _Window(io.RawIOBase):
    """The bytes of one uncompressed member, where they are in the archive."""

    def __init__(self, stream: IO[bytes], info: zipfile.ZipInfo) -> None:
        stream.seek(info.header_offset)
        lengths = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
        self._stream = stream
        self._start = info.header_offset + _LOCAL_HEADER.size + sum(lengths)
        self._size = info.file_size
        self._place = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        room = max(0, min(len(buffer), self._size - self._place))
        self._stream.seek(self._start + self._place)
        data = self._stream.read(room)
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)
