"""Files that can be read at all, and the bytes that tell what they are."""

from __future__ import annotations

import errno
import os
import stat
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlint.errors import GradlintError

MOST_NAMES = 1000
"""Of a folder in which a file is looked for that does not exist."""
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
        raise error(f"{file} does not exist{link or close_to(file)}") from cause
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


def close_to(file: Path) -> str:
    """What lies beside a file that does not exist, under a name much like its own."""
    try:
        names = {entry.name.lower(): entry.name for entry in islice(file.parent.iterdir(), MOST_NAMES)}
    except OSError:
        return ""
    close = get_close_matches(file.name.lower(), names, n=1, cutoff=0.8)
    return f"; did you mean {file.with_name(names[close[0]])}?" if close else ""


def content_of(file: Path, most: int) -> bytes:
    """All that is in a file: reading a pipe would hang, and a device, or a link to one, has no end.

    Args:
        file: what a checkout or the user names.
        most: bytes; a larger one is refused.

    Raises:
        OSError: it cannot be read, or is no regular file, or too large.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    with file.open("rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes")
    return content


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
