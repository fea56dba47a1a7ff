"""What the weights of a model file are, read from HDF5 headers: no value is loaded, no other file is opened.

HDF5 can point to other files (external links, external and virtual data sets) and can declare arrays
that it does not hold. Keras guards against some of this in some versions; here it ends before Keras.
"""

from __future__ import annotations

import io
import math
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.errors import GradlintError, ModelFileError, UnsafeModelError
from gradlint.load.archive import AGAIN
from gradlint.load.limits import LARGE, MOST_NAME, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    import h5py
    from h5py import h5d, h5g

    from gradlint.load.limits import Limits

_LOCAL_HEADER = struct.Struct("<26xHH")
"""The end of a zip member's own header: lengths of the name and of the extra field (APPNOTE 4.3.7)."""

_HEAP = b"GCOL\x01"
"""How a heap for values of variable length starts (HDF5 file format, "Global Heap")."""
_REFERENCE = 16
"""Bytes of a reference to such a value."""
_CHUNK = 2**20
UNREAD = b"name"
"""The one attribute that Keras gives to every group of weights; nothing reads it."""
TEXTS_PER_ITEM = 10
MOST_CHUNK = 2**26
"""Bytes of a chunk that is larger than its data set; h5py and HDF5's own tools choose one megabyte at most."""


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
                texts = Texts(f"{file}: {name} ", _Window(stream, info), store, limits)
                return read_weights(file, store, texts, limits, name)
        # Keras, too, reads it into memory; the sizes in the archive have been checked.
        data = io.BytesIO(archive.read(info))
        with h5py.File(data, "r") as store:
            texts = Texts(f"{file}: {name} ", data, store, limits)
            return read_weights(file, store, texts, limits, name)
    except GradlintError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ModelFileError(f"{file}: the archive's member {name!r} is broken: {error}; {AGAIN}") from error
    except Exception as error:  # whatever h5py makes of a broken file
        raise ModelFileError(f"{file}: {name} is not a readable HDF5 file: {error}") from error


GROUPS_OF_ITEM = 4
"""A layer has a group, one for its variables, and a data set for each of them: two, as a rule."""


def read_weights(file: Path, store: h5py.File, texts: Texts, limits: Limits, name: str = "") -> Weights:
    """Describes the data sets of an open HDF5 file.

    Args:
        file: names the model in messages.
        store: the open file.
        texts: of the file.
        limits: on the number of data sets and what they declare.
        name: the archive's member, for messages.

    Raises:
        UnsafeModelError: one is not in the file itself, or declares what the file cannot hold.
    """
    # h5py's own low level: its groups and data sets take five times as long as HDF5 itself.
    from h5py import h5d, h5g, h5l, h5o

    where = f"{file}: {name} " if name else f"{file} "
    number = size = 0
    root = h5g.open(store.id, b"/")
    pending: list[tuple[_Place | None, h5g.GroupID]] = [(None, root)]
    seen = {root}
    texts.refuse_hostile("/", root)
    while pending:
        place, group = pending.pop()
        number += len(group)  # before any name is read
        if number > GROUPS_OF_ITEM * limits.items:
            raise UnsafeModelError(
                f"{where}has more than {GROUPS_OF_ITEM * limits.items:,} groups and data sets; "
                "pass --limit items=N to allow more"
            )
        for key in group:
            inner = _Place(place, _shown(key))
            if inner.length > MOST_NAME:
                raise UnsafeModelError(
                    f"{where}has names of {inner.length:,} characters on the way to one of its parts, more than "
                    f"{MOST_NAME:,}"
                )
            kind = group.links.get_info(key).type
            if kind == h5l.TYPE_EXTERNAL:
                other = os.fsdecode(group.links.get_val(key)[0])
                raise UnsafeModelError(f"{where}has a link to another file at {str(inner)!r} ({other[:200]!r})")
            if kind == h5l.TYPE_SOFT:  # Keras writes none, and does not follow them
                continue
            if kind != h5l.TYPE_HARD:
                raise TypeError("unknown kind of link")
            try:
                item = h5o.open(group, key)
            except KeyError:  # it leads nowhere
                continue
            if isinstance(item, h5g.GroupID) and item not in seen:  # hard links can form a loop
                seen.add(item)
                texts.refuse_hostile(inner, item)
                pending.append((inner, item))
            elif isinstance(item, h5d.DatasetID):
                texts.refuse_hostile(inner, item)
                size += _declared(where, inner, item, limits)
    return Weights(number, size)


def _shown(name: bytes) -> str:
    """A name as h5py decodes it."""
    return name.decode("utf-8", "surrogateescape")


class _Place:
    """Where in a file something is. Its text is made when it is shown: thousands of parts may share a long name."""

    __slots__ = ("above", "length", "name")

    def __init__(self, above: _Place | None, name: str) -> None:
        self.above, self.name = above, name
        self.length: int = 1 + len(name) + (above.length if above is not None else 0)

    def __str__(self) -> str:
        names: list[str] = []
        place: _Place | None = self
        while place is not None:
            names.append(place.name)
            place = place.above
        return f"/{'/'.join(reversed(names))}"


def _declared(where: str, place: _Place, data: h5d.DatasetID, limits: Limits) -> int:
    from h5py import h5d

    path, plan = str(place), data.get_create_plist()
    if plan.get_external_count():
        other = os.fsdecode(plan.get_external(0)[0])
        raise UnsafeModelError(f"{where}keeps the data set {path!r} in another file ({other!r})")
    layout = plan.get_layout()
    if layout == h5d.VIRTUAL:
        raise UnsafeModelError(f"{where}has a virtual data set at {path!r}, which can read other files")
    if data.shape is None:  # an empty data set
        return 0
    width = data.dtype.itemsize
    declared: int = math.prod(data.shape) * width
    stored = data.get_storage_size()
    chunk = math.prod(plan.get_chunk()) * width if layout == h5d.CHUNKED else 0
    if chunk > max(declared, MOST_CHUNK):  # to read one value, the library unpacks all of it
        raise UnsafeModelError(
            f"{where}keeps the data set {path!r}, of {size_text(declared)}, in chunks of {size_text(chunk)}"
        )
    if declared > LARGE and declared > limits.ratio * stored:
        raise UnsafeModelError(
            f"{where}declares {size_text(declared)} for the data set {path!r} but holds {size_text(stored)} of it; "
            "pass --limit ratio=N if you trust the file"
        )
    return max(declared, chunk)


class Texts:
    """Values of variable length in an HDF5 file, text above all, as its bytes say and not as its library does.

    They are kept in heaps, which the library walks from size to size. A size of nothing, or one so large that it
    wraps, keeps it walking for ever, and Python waiting; and thousands of references may lead to one large text.
    """

    def __init__(self, where: str, stream: IO[bytes] | io.RawIOBase, store: h5py.File, limits: Limits) -> None:
        """Reads nothing yet.

        Args:
            where: starts the messages.
            stream: the bytes of the file.
            store: the same file, opened by h5py.
            limits: on the number of texts, and on how much larger than the file they may be.
        """
        self._where = where
        self._stream = stream
        self._lengths: int = store.id.get_create_plist().get_sizes()[1]
        self._limits = limits
        self._largest: int | None = None
        self._number_seen = 0

    def refuse_hostile(self, path: object, item: h5g.GroupID | h5d.DatasetID) -> None:
        """Raises for a group or a data set that reading would take for ever, or too much memory.

        Raises:
            ModelFileError: a heap is broken.
            UnsafeModelError: there are too many texts, or together they are too large.
        """
        from h5py import check_string_dtype, h5a, h5d

        if (number := h5a.get_num_attrs(item)) > self._limits.items:
            raise UnsafeModelError(
                f"{self._where}has {number:,} attributes at {str(path)!r}, more than the limit of "
                f"{self._limits.items:,}; pass --limit items=N to allow more"
            )
        names: list[bytes | None] = [None] if isinstance(item, h5d.DatasetID) else []
        if number:
            h5a.iterate(item, lambda name, *_: names.append(name))
        for name in names:
            if name == UNREAD:
                continue
            part = item if name is None else h5a.open(item, name)
            if part.shape is None or not (dtype := part.dtype).hasobject:
                continue
            each = self.largest
            if check_string_dtype(dtype) is None:  # arrays within arrays, whose parts may be shared again
                each *= max(1, each // _REFERENCE)
            size, held = math.prod(part.shape) * each, self._stream.seek(0, os.SEEK_END)
            if size > LARGE and size > self._limits.ratio * held:
                inner = str(path) if name is None else f"{path}@{_shown(name)[:MOST_NAME]}"
                raise UnsafeModelError(
                    f"{self._where}may expand to {size_text(size)} at {inner!r} but holds {size_text(held)}; "
                    "pass --limit ratio=N if you trust the file"
                )

    @property
    def largest(self) -> int:
        """Bytes of the largest one; every heap is known to be in order then."""
        if self._largest is None:
            self._largest = max((size for place in self._heaps() for size in self._sizes(place)), default=0)
        return self._largest

    def _heaps(self) -> Iterator[int]:
        start, end = 0, self._stream.seek(0, os.SEEK_END)
        while start < end:
            self._stream.seek(start)
            data = self._stream.read(_CHUNK + len(_HEAP) - 1) or b""
            place = data.find(_HEAP)
            while place >= 0:
                yield start + place
                place = data.find(_HEAP, place + 1)
            start += _CHUNK

    def _sizes(self, heap: int) -> Iterator[int]:
        room, lengths = self._stream.seek(0, os.SEEK_END), self._lengths
        header = -(-(8 + lengths) // 8) * 8  # of the heap, and of each object in it
        end = heap + self._number(heap + 8, lengths)
        if end > room:  # weights that look like the start of a heap; the library does not read it either
            return
        place = heap + header
        while place + header <= end:
            self._number_seen += 1
            if self._number_seen > TEXTS_PER_ITEM * self._limits.items:
                raise UnsafeModelError(
                    f"{self._where}has more than {TEXTS_PER_ITEM * self._limits.items:,} texts; "
                    "pass --limit items=N to allow more"
                )
            size = self._number(place + 8, lengths)
            is_free = self._number(place, 2) == 0
            step = size if is_free else header + -(-size // 8) * 8
            if step == 0 or place + step > end:
                raise ModelFileError(f"{self._where}is not a readable HDF5 file: its texts at byte {heap} are broken")
            place += step
            if not is_free:
                yield size

    def _number(self, place: int, length: int) -> int:
        self._stream.seek(place)
        return int.from_bytes(self._stream.read(length) or b"", "little")


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
