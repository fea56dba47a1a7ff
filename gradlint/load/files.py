"""Files that can be read at all, and the bytes that tell what they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlint.errors import GradlintError

    pass


ZIP_MAGIC, HDF5_MAGIC = b"PK", b"\x89HDF\r\n\x1a\n"


def require_file(path: str | os.PathLike[str], error: type[GradlintError], what: str) -> Path:
    """The path, once it is known to be a regular file that can be read.

    Raises:
        GradlintError: of the class `error`, saying what stands in the way.
    """
    file = Path(path)
    try:
        found = file.stat()
    except FileNotFoundError as cause:
        link = " (it is a link to a file that does not exist)" if file.is_symlink() else ""
        raise error(f"{file} does not exist{link}") from cause
    except (OSError, ValueError) as cause:  # no permission, a loop of links, a NUL in the name
        raise error(f"{file} cannot be read: {getattr(cause, 'strerror', None) or cause}") from cause
    if stat.S_ISDIR(found.st_mode):
        raise error(f"{file} is a directory, not {what}")
    if not stat.S_ISREG(found.st_mode):  # reading a FIFO or a device would hang
        raise error(f"{file} is not a regular file")
    if not os.access(file, os.R_OK):
        raise error(f"{file} cannot be read: permission denied")
    if found.st_size == 0:
        raise error(f"{file} is empty")
    return file


def first_bytes(file: Path, error: type[GradlintError]) -> bytes:
    """The eight bytes that a file starts with, or fewer.

    Raises:
        GradlintError: of the class `error`, when it cannot be read any more.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(8)
    except OSError as cause:  # it has vanished, or the disk fails
        raise error(f"{file} cannot be read: {cause.strerror or cause}") from cause
