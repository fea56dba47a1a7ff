"""Where the user's own modules are looked for, and from when on.

Python looks into the current folder first, and who checks a file from a stranger stands in that stranger's folder:
an `h5py.py` beside the model would run in the place of h5py. As long as nobody names a module, the folders of the user
are not on the path of imports at all. Once somebody does, they come first, as with a script of the user's own, but for
what Python, gradlint and TensorFlow import: that is taken from where it is installed, whenever it is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
import sysconfig
import types
from contextlib import contextmanager, suppress
from functools import cache
from importlib.machinery import PathFinder
from itertools import islice
from typing import TYPE_CHECKING, Any

from gradlint.errors import alike
from gradlint.upstream.libraries import file_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

OWN = "keras-gradlint"
COMPUTING = (OWN, "tensorflow", "tensorflow-cpu", "tf-nightly", "keras", "keras-nightly", "h5py", "networkx", "numpy")
"""Distributions whose modules, with those of all that they need, are taken from where they are installed."""
FOR_DEVELOPERS = frozenset({"dev", "test", "test-server"})
"""Extras of our own that no check imports; the others are needed once they are installed."""
NOT_PYTHONS = frozenset({"test"})
"""A module that Python brings and nothing imports, under a name that projects like to use."""
NAMED = re.compile(r"(?P<module>[A-Za-z_][\w.]*|.+\.py):(?P<name>[A-Za-z_][\w.]*)", re.DOTALL)
"""`package.module:name` or `FILE.py:name`: something in the user's code."""

_MOST_NAMES = 3
"""That are suggested for one that does not exist."""

_MOST_ENTRIES = 1000
"""Of a folder, that are looked at for a module of a name much like one that does not exist."""

_folders: tuple[str, ...] | None = None
_imported_files: dict[str, ModuleType] = {}
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
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.partition(".")[0]:
            raise  # another module is missing, which this one imports
        raise ModuleNotFoundError(f"{error}{alike(error.name, _modules_at_hand())}", name=error.name) from error


def _modules_at_hand() -> list[str]:
    """The modules and packages in the folders of the user, without those inside of packages."""
    found = []
    for folder in folders_to_name():
        with suppress(OSError):
            found += [
                entry.name.removesuffix(".py")
                for entry in islice(os.scandir(folder), _MOST_ENTRIES)
                if entry.name.endswith(".py") or (entry.is_dir() and os.path.exists(f"{entry.path}/__init__.py"))
            ]
    return found


def is_named(target: str) -> bool:
    """True for `package.module:name` and `FILE.py:name`, False for the path of a file."""
    return NAMED.fullmatch(target) is not None and not os.path.lexists(target)


def is_file(name: str) -> bool:
    """True where an import names a Python file, False for a module."""
    return name.endswith(".py") or os.sep in name


def named_object(target: str) -> Any:
    """What `package.module:name` or `FILE.py:name` names; raises whatever the import does.

    Raises:
        AttributeError: there is no such name; the message has those that are much like it.
    """
    module_name, _, name = target.rpartition(":")
    found: Any = named_file(module_name) if module_name.endswith(".py") else named_module(module_name)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise AttributeError(f"{error}{alike(part, _names_in(found), most=_MOST_NAMES)}") from error
    return found


def _names_in(found: object) -> list[str]:
    """The public names of what may be meant: no modules, which are there because they are imported."""
    held = getattr(found, "__dict__", {})  # not asked of the object itself, which may import what is asked for
    return [name for name in held if not name.startswith("_") and not isinstance(held[name], types.ModuleType)]


def named_file(file: str) -> ModuleType:
    """The module that a Python file makes. It is executed once, under its own name.

    Raises:
        FileNotFoundError: there is no such file.
    """
    path = os.path.realpath(file)
    if path in _imported_files:
        return _imported_files[path]
    stem = os.path.basename(path).removesuffix(".py")
    known = sys.modules.get(stem)
    if known is not None and file_of(known) == path:
        return known
    open_folders(first=os.path.dirname(path))  # as `python FILE.py` does
    name = stem if known is None else f"gradlint_import_{len(_imported_files)}_{stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # the name ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickles look their module up while it runs
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _imported_files[path] = module
    return module


def found_module(name: str) -> ModuleSpec | None:
    """Where the module of this name would come from; nothing is imported, and the path stays as it is."""
    if name in sys.modules or _is_protected(name):
        return importlib.util.find_spec(name)
    return PathFinder.find_spec(name, folders_to_name()) or importlib.util.find_spec(name)


class _Installed:
    """Finds what Python, gradlint and TensorFlow import where it is installed, and not in a folder of the user's.

    As Python asks for it: to import its class of finders takes longer than to import all that is here.
    """

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
    """The modules of gradlint and TensorFlow, and of every distribution that they need."""
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
            extra = re.search(r"extra\s*==\s*['\"]([\w.-]+)", requirement)
            if words is not None and (extra is None or (name == OWN and extra[1] not in FOR_DEVELOPERS)):
                waiting.append(words[0])
    return frozenset(found)
