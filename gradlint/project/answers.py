"""The folder of a cache: made by gradlint, marked as such, and never anything else.

A folder that comes with a repository may be a link to anywhere, and the user may name one that holds their work. What
is read, written and removed goes by the open folder and never through a link; and only what is ours by its name and
its content is removed.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

TAG, IGNORE = "CACHEDIR.TAG", ".gitignore"
# https://bford.info/cachedir/
SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55\n"
OURS = f"{SIGNATURE}# The answers of gradlint; this folder can be removed.\n"
"""What the tag says; other programs mark their caches with the same first line."""
IGNORED = "*\n"
HEADER = b'{"gradlint": '
"""How an entry starts."""
ENTRY = re.compile(r"[0-9a-f]{40}\.json")
DRAFT = re.compile(r"draft-[a-z0-9_]{8}")
MOST_ENTRIES = 512
"""Older entries are removed; one has some kilobytes, or a megabyte for thousands of variables."""
MOST_BYTES = 2**26
"""A larger entry is none of ours."""
ABANDONED = 3600.0
"""Seconds after which nobody is still writing a draft."""
_FOLLOW_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.replace in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")


def default_folder() -> Path:
    """The user's own folder for caches: what comes with a repository is not believed."""
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("gradlint", appauthor=False))


def refuse_foreign(folder: Path) -> None:
    """Raises for a folder that exists and is not a cache of gradlint's, nor one that was left half made.

    Raises:
        UsageError: the folder is a link, no folder, or holds what is not ours.
    """
    try:
        found = folder.lstat()
    except (OSError, ValueError):
        return  # it is made when there is something to keep
    what = "is a link" if stat.S_ISLNK(found.st_mode) else "" if stat.S_ISDIR(found.st_mode) else "is no folder"
    if not what:
        with contextlib.suppress(OSError), _opened(folder) as place:
            what = place.foreign()
    if what:
        raise UsageError(
            f"the cache's folder {folder} {what}, so that nothing is kept there; "
            "name another with --cache-dir, or pass --no-cache"
        )


def read(folder: Path, name: str) -> bytes | None:
    """The content of an entry; None when there is none, or none that this user has written."""
    with contextlib.suppress(OSError), _opened(folder) as place:
        return place.content(name) if not place.foreign() else None
    return None


def write(folder: Path, name: str, data: bytes) -> None:
    """Keep an entry, whole or not at all, and remove the oldest.

    Raises:
        OSError: the folder cannot be written.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
    with _opened(folder) as place:
        if place.foreign():
            return
        place.finish()
        place.put(name, data)
        place.prune()


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[_Place]:
    if not _BY_DESCRIPTOR:  # Windows
        if folder.is_symlink():
            raise NotADirectoryError(str(folder))
        yield _Place(str(folder), None)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _FOLLOW_NO_LINK)
    try:
        yield _Place(str(folder), descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Place:
    """An open folder.

    Attributes:
        path: of the folder.
        descriptor: of the folder, which stays the same whatever its path is made to lead to; None on Windows.
    """

    path: str
    descriptor: int | None

    def _name(self, name: str) -> str:
        return name if self.descriptor is not None else os.path.join(self.path, name)

    def _names(self) -> list[str]:
        return os.listdir(self.path if self.descriptor is None else self.descriptor)

    def _state(self, name: str) -> os.stat_result:
        return os.stat(self._name(name), dir_fd=self.descriptor, follow_symlinks=False)

    def content(self, name: str, most: int = MOST_BYTES) -> bytes | None:
        """What a regular file of this user's holds, if it is no longer than `most`; else None."""
        try:
            # Opening a pipe or a device could wait, or do something: they are looked at first.
            if not _is_own_file(self._state(name)):
                return None
            handle = os.open(
                self._name(name), os.O_RDONLY | _FOLLOW_NO_LINK | getattr(os, "O_BINARY", 0), dir_fd=self.descriptor
            )
        except OSError:
            return None
        with open(handle, "rb") as stream:
            if not _is_own_file(os.fstat(stream.fileno())):
                return None
            data = stream.read(most + 1)
        return data if len(data) <= most else None

    def foreign(self) -> str:
        """Why this is no folder of ours; empty when it is one, or can become one."""
        tag = self.content(TAG, 200)
        text = None if tag is None else tag.decode("utf-8", "replace")
        if text == OURS:
            return ""
        names = set(self._names())
        if TAG in names and (text is None or not OURS.startswith(text)):
            return "belongs to another program"
        # A folder of 0.1.0 has entries already, and the bare signature.
        known = re.compile(f"{DRAFT.pattern}|{ENTRY.pattern}") if text == SIGNATURE else DRAFT
        others = sorted(name for name in names - {TAG, IGNORE} if not known.fullmatch(name))
        if others:
            return f"holds other files ({os.fsencode(others[0])[:100].decode('utf-8', 'backslashreplace')!r})"
        ignored = self.content(IGNORE, 10) if IGNORE in names else b""
        return "" if ignored is not None and IGNORED.encode().startswith(ignored) else "holds other files"

    def finish(self) -> None:
        """Mark the folder as ours, or what a program that was ended in the middle has left of it."""
        for name, text in ((IGNORE, IGNORED), (TAG, OURS)):
            if self.content(name, 200) != text.encode():
                self.put(name, text.encode())

    def put(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all, whoever else writes it."""
        draft = f"draft-{secrets.token_hex(4)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FOLLOW_NO_LINK | getattr(os, "O_BINARY", 0)
        handle = os.open(self._name(draft), flags, 0o600, dir_fd=self.descriptor)
        try:
            with open(handle, "wb") as stream:
                stream.write(data)
            os.replace(self._name(draft), self._name(name), src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except BaseException:
            self._remove(draft)
            raise

    def prune(self) -> None:
        """Remove the oldest entries, and drafts that a killed process has left."""
        entries, drafts = [], []
        for name in self._names():
            with contextlib.suppress(OSError):
                if ENTRY.fullmatch(name):
                    entries.append((self._state(name).st_mtime, name))
                elif DRAFT.fullmatch(name):
                    drafts.append((self._state(name).st_mtime, name))
        entries.sort(reverse=True)
        newest = entries[0][0] if entries else 0.0
        old = [name for age, name in drafts if age < newest - ABANDONED]
        for name in [*(name for _, name in entries[MOST_ENTRIES:]), *old]:
            start = self._start(name)
            if start == HEADER or (name in old and start is not None and HEADER.startswith(start)):
                self._remove(name)

    def _start(self, name: str) -> bytes | None:
        data = self.content(name)
        return None if data is None else data[: len(HEADER)]

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._name(name), dir_fd=self.descriptor)


def _is_own_file(state: os.stat_result) -> bool:
    mine = not hasattr(os, "geteuid") or state.st_uid == os.geteuid()
    return stat.S_ISREG(state.st_mode) and mine
