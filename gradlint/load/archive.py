"""Zip archives (`.keras`, `.npz`), opened once their names and sizes are known to be harmless; never unpacked."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from gradlint.errors import GradlintError, ModelFileError, UnsafeModelError
from gradlint.load.files import ZIP_MAGIC, first_bytes
from gradlint.load.limits import LARGE, Limits, refuse_beyond_memory

COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What Keras and NumPy write. Python's readers of bz2 and LZMA expand more at once than they are asked for."""


AGAIN = "copy it again, or save it anew"
"""What to do about a file that has suffered."""


def open_archive(file: Path, error: type[GradlintError], what: str, limits: Limits) -> zipfile.ZipFile:
    """The opened archive, once the names in it are known to be harmless."""
    try:
        archive = zipfile.ZipFile(file)
    except Exception as cause:  # zipfile, on archives that make no sense: KeyError, struct.error, ...
        if first_bytes(file, error).startswith(ZIP_MAGIC):
            raise error(f"{file} is a zip archive that is cut off or damaged: {cause}; {AGAIN}") from cause
        raise error(f"{file} is not {what}: {cause}") from cause
    refused = UnsafeModelError if error is ModelFileError else error
    try:
        seen: set[str] = set()
        members = archive.infolist()
        if len(members) > limits.items:
            raise refused(
                f"{file}: the archive has {len(members):,} members, more than the limit of {limits.items:,}; "
                f"pass --limit items={len(members)} if you trust the file"
            )
        for info in members:
            name = info.filename
            parts = PurePosixPath(name.replace("\\", "/")).parts
            kind = stat.S_IFMT(info.external_attr >> 16)
            outside = ".." in parts or name.startswith(("/", "\\")) or name[1:2] == ":"
            if outside and error is ModelFileError:  # Keras unpacks assets; a sample's names are only keys
                raise refused(f"{file}: the archive's member {name!r} points outside of it")
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise refused(f"{file}: the archive's member {name!r} is a link or a device")
            if name in seen:
                raise refused(f"{file}: the archive has two members called {name!r}")
            seen.add(name)
            if info.compress_type not in COMPRESSIONS:
                raise refused(
                    f"{file}: the archive's member {name!r} is compressed by method {info.compress_type}; Keras and "
                    "NumPy store or deflate, and nothing else is read"
                )
            if info.flag_bits & 1:
                raise error(f"{file}: the archive's member {name!r} is encrypted")
            if info.file_size > LARGE and info.file_size > limits.ratio * max(info.compress_size, 1):
                raise refused(
                    f"{file}: the archive's member {name!r} claims {info.file_size:,} bytes "
                    f"in {info.compress_size:,} compressed ones; pass --limit ratio=N if you trust the file"
                )
        # Keras unpacks a model with assets into a temporary folder, and its weights into memory.
        expanded = sum(info.file_size for info in members)
        refuse_beyond_memory(f"{file}: expanded, the archive takes", expanded, limits, error)
    except BaseException:
        archive.close()
        raise
    return archive


def open_member(file: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, error: type[GradlintError]) -> IO[bytes]:
    """One member of an archive; an error of the class `error` where it cannot be read."""
    try:
        return archive.open(info)
    except Exception as cause:
        raise error(f"{file}: the archive's member {info.filename!r} is broken: {cause}; {AGAIN}") from cause
