"""Where the user's own modules are looked for, and from when on.

Python looks into the current folder first, and who checks a file from a stranger stands in that stranger's folder:
an `h5py.py` beside the model would run in the place of h5py. As long as nobody names a module, the folders of the user
are not on the path of imports at all. Once somebody does, they come first, as with a script of the user's own, but for
what Python and TensorFlow import: that is taken from where it is installed, whenever it is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import sysconfig
from contextlib import contextmanager
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

COMPUTING = ("tensorflow", "tensorflow-cpu", "tf-nightly", "keras", "keras-nightly", "h5py", "networkx", "numpy")
"""Distributions whose modules, with those of all that they need, are taken from where they are installed."""
NOT_PYTHONS = frozenset({"test"})
"""A module that Python brings and nothing imports, under a name that projects like to use."""

_folders: tuple[str, ...] | None = None
_set_aside: list[str] = []
_is_closed = False


def use(folders: Iterable[str | os.PathLike[str]]) -> None:
    """Say where the modules are looked for that an import, a factory or a loss names, in this order."""
    global _folders
    _folders = tuple(dict.fromkeys(os.path.abspath(folder) for folder in folders))


def close(folders: Iterable[str | os.PathLike[str]]) -> None:
    """Take folders off the path of imports until a module is named; not those where Python itself is installed.

    For a process of gradlint's own: the path of somebody else's program is none of our business.
    """
    global _is_closed
    _is_closed = True
    shut = {os.path.realpath(folder) for folder in folders} - _installed()
    for entry in [entry for entry in sys.path if os.path.realpath(entry) in shut]:
        sys.path.remove(entry)
        _set_aside.append(os.path.abspath(entry))


@contextmanager
def restored() -> Iterator[None]:
    """Leaves the path of imports as it was; for a program that is one call among others of its process."""
    global _folders, _is_closed
    path, folders, aside, closed = list(sys.path), _folders, list(_set_aside), _is_closed
    try:
        yield
    finally:
        sys.path[:], _set_aside[:] = path, aside
        _folders, _is_closed = folders, closed
        sys.meta_path[:] = [finder for finder in sys.meta_path if closed or not isinstance(finder, _Installed)]


def folders_in_use() -> tuple[str, ...]:
    """Where the modules that are named are looked for."""
    return (os.getcwd(),) if _folders is None else _folders


def folders_to_name() -> list[str]:
    """What `use()` in another process must be told, so that modules are found there as they are here."""
    return [*folders_in_use(), *_set_aside]


def open_folders(first: str = "") -> None:
    """Put the folders of the user first on the path of imports, and leave them there: user code may import more later.

    Args:
        first: a folder that comes before the others: that of a file which is imported.
    """
    if _is_closed and not any(isinstance(finder, _Installed) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Installed())
    for folder in reversed([*([first] if first else []), *folders_to_name()]):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    importlib.invalidate_caches()


def named_module(name: str) -> ModuleType:
    """The module of this name, from the folders of the user or from where it is installed."""
    open_folders()
    return importlib.import_module(name)


def found_module(name: str) -> ModuleSpec | None:
    """Where the module of this name would come from; nothing is imported, and the path stays as it is."""
    if name in sys.modules or _is_protected(name):
        return importlib.util.find_spec(name)
    return PathFinder.find_spec(name, folders_to_name()) or importlib.util.find_spec(name)


class _Installed(MetaPathFinder):
    """Finds what Python and TensorFlow import where it is installed, and not in a folder of the user's."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or not _is_protected(fullname):
            return None
        own = {os.path.realpath(folder) for folder in folders_to_name()} - _installed()
        return PathFinder.find_spec(fullname, [entry for entry in sys.path if os.path.realpath(entry) not in own])


def _is_protected(name: str) -> bool:
    return name in sys.stdlib_module_names - NOT_PYTHONS or name in _computing_modules()


@cache
def _installed() -> frozenset[str]:
    """The folders where Python and its packages are installed."""
    return frozenset(os.path.realpath(path) for name, path in sysconfig.get_paths().items() if "lib" in name)


@cache
def _computing_modules() -> frozenset[str]:
    """The modules of TensorFlow, and of every distribution that it needs."""
    from importlib import metadata

    found: set[str] = set()
    waiting, seen = list(COMPUTING), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if top := distribution.read_text("top_level.txt"):
            found.update(top.split())
        else:
            found.update(str(file).partition("/")[0].removesuffix(".py") for file in distribution.files or ())
        for requirement in distribution.requires or ():
            words = re.match(r"[\w.-]+", requirement)
            if words is not None and "extra" not in requirement.partition(";")[2]:
                waiting.append(words[0])
    return frozenset(found)
