"""Which files are a library's: the one definition of whose code a line belongs to. It imports no library."""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig

PACKAGES = (
    "keras",
    "tensorflow",
    "tf_keras",
    "keras_hub",
    "keras_nlp",
    "keras_cv",
    "keras_tuner",
    "kerastuner",
    "tensorflow_hub",
    "tensorflow_probability",
    "tensorflow_addons",
    "tensorflow_datasets",
    "numpy",
    "scipy",
    "h5py",
    "ml_dtypes",
    "tree",
    "optree",
    "absl",
    "wrapt",
    "networkx",
    "tabulate",
    "grandalf",
    "pytest",
    "_pytest",
    "pluggy",
    "IPython",
)
"""Packages whose code runs between a user's lines, wherever they are imported from: an installation, a folder of
`pip install --target`, a checkout, a copy inside of a project."""

FRAMEWORKS = ("keras", "tensorflow", "tf_keras")

GENERATED = ("<frozen ", "<attrs generated ", "<decorator-gen-")
"""How the names of code begin that no file holds, and nobody has typed: Python's own frozen modules, and what libraries
make as they run. Other names in angle brackets are the user's: a prompt, a cell, a doctest, `python -c`."""
REWRITTEN = "__autograph_generated_file"
"""A part of the name of the file that holds what AutoGraph has made of a function of the user's."""

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_ROOM = os.path.dirname(os.path.abspath(__file__)) + os.sep


def is_library_file(file: str) -> bool:
    """Whether a file belongs to the standard library, an installed package, one of `PACKAGES`, or gradlint itself.

    A project under test lives elsewhere, also when it is installed in editable mode.
    """
    # Compiled code is named by where it was built: `h5py/_objects.pyx`.
    if file.startswith((*GENERATED, _OWN)) or file.endswith((".pyx", ".pxd")):
        return True
    return file.startswith(_folders(_loaded(), tuple(sys.path)))


def is_framework_file(file: str) -> bool:
    """Whether a file is TensorFlow's or Keras's."""
    return any(file.startswith(place) for name in FRAMEWORKS if name in sys.modules for place in _places_of(name))


def is_tensorflow_file(file: str) -> bool:
    """Whether a file is TensorFlow's."""
    return "tensorflow" in sys.modules and file.startswith(tuple(_places_of("tensorflow")))


def is_rewritten(file: str) -> bool:
    """Whether a file holds code of the user's as AutoGraph has rewritten it: its lines are no lines of theirs."""
    return REWRITTEN in file


def is_own_file(file: str) -> bool:
    """Whether a file is gradlint's."""
    return file.startswith(_OWN)


def is_stand_in(file: str) -> bool:
    """Whether a file holds what stands in for functions of the libraries during a run.

    The line that calls such a function is the one in question, as if the library itself were there.
    """
    return file.startswith(_ROOM)


def file_of(module: object) -> str | None:
    """The file of what is in `sys.modules`; None where it has none, or does not say.

    Packages put objects of their own there: some raise on any access, some have a `Path` or a number for a file.
    """
    try:
        file = getattr(module, "__file__", None)
        return os.fsdecode(file) if isinstance(file, (str, bytes, os.PathLike)) else None
    except Exception:  # whatever somebody's `__getattr__` does
        return None


def _loaded() -> tuple[str, ...]:
    return tuple(name for name in PACKAGES if name in sys.modules)


@functools.lru_cache(maxsize=64)
def _folders(loaded: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...]:
    """The folders of libraries, with a separator at their ends; single files as they are."""
    found = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found.update(site.getsitepackages() if hasattr(site, "getsitepackages") else ())
    found.add(site.getusersitepackages())
    # Those of an environment that this one builds on come by a `.pth` file, and have their own metadata inside.
    found.update(entry for entry in path if os.path.basename(entry) in ("site-packages", "dist-packages"))
    folders = {_normal(folder) + os.sep for folder in found if folder}
    return tuple(sorted(folders.union(*(_places_of(name) for name in loaded))))


@functools.cache
def _places_of(name: str) -> frozenset[str]:
    """The folder of a loaded package, with a separator at its end, by each of its names; the file of a module."""
    file = file_of(sys.modules[name])
    if file is None:
        return frozenset()
    if not os.path.basename(file).startswith("__init__."):
        return frozenset({_normal(file)})
    return frozenset({_normal(os.path.dirname(file)) + os.sep, os.path.realpath(os.path.dirname(file)) + os.sep})


def _normal(path: str) -> str:
    return os.path.normpath(os.path.abspath(path))
