"""Answers that are known already: a check of unchanged files, by the same programs and options.

An entry is the result as JSON, checked field by field when it is read, never a pickle. Who can write the folder can
answer, so that it is the user's own unless they name another (`project.answers`). An entry is taken only when the
content of the model, the sample and the user's own modules, the options, and the versions of what computes are the
same. The graph of a result is not kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import gradlint
from gradlint import version
from gradlint.load.search import found_module, is_file
from gradlint.project import answers
from gradlint.project.wire import MalformedError, plain, result_from_data, result_to_data
from gradlint.upstream.libraries import file_of, is_library_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gradlint.load.limits import Limits
    from gradlint.result import Result

FORMAT = 3
_COMPUTING = ("tensorflow", "tensorflow-cpu", "tf-nightly", "keras", "keras-nightly", "numpy", "h5py")
_SETTINGS = re.compile(r"TF_|KERAS_|XLA_|CUDA_VISIBLE_DEVICES$|NVIDIA_TF32|ONEDNN_|MKL_|OMP_|OPENBLAS_")
"""Variables of the environment that change what is computed, or how it is rounded."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """The place of one answer.

    Attributes:
        file: where it is, or will be.
        seen: state of the files it is for, when their content was read.
        keeps_modules: the user's own modules are loaded by this process, which can tell which they were.
    """

    file: Path
    seen: tuple[tuple[str, tuple[int, ...]], ...]
    keeps_modules: bool

    def read(self) -> Result | None:
        """The answer; None when there is none, or none that can be trusted."""
        try:
            text = answers.read(self.file.parent, self.file.name)
            data = {} if text is None else json.loads(text)
            if data["gradlint"] != FORMAT or any(_digest(Path(path)) != was for path, was in data["modules"].items()):
                return None
            return result_from_data(data["result"], data["catalogue"])
        # Whatever is wrong with an entry, the check can be done anew. A hostile one may nest without end.
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, MalformedError):
            return None

    def write(self, result: Result) -> None:
        """Keep an answer, unless a file has changed meanwhile; a folder that cannot be written is no error."""
        if any(_state(Path(path)) != was for path, was in self.seen):
            return
        with contextlib.suppress(OSError, ValueError, TypeError):
            modules = {str(path): _digest(path) for path in _own_modules()} if self.keeps_modules else {}
            # With what is said of its rules: to import all of them takes as long as the rest of a known answer.
            data = {"gradlint": FORMAT, "modules": modules, "catalogue": plain(result.catalogue)}
            data["result"] = result_to_data(replace(result, drawn=None))
            answers.write(self.file.parent, self.file.name, json.dumps(data).encode("ascii"))


def entry_of(
    folder: Path, model: str, sample: str | None, options: Mapping[str, object], limits: Limits, *, in_process: bool
) -> Entry | None:
    """The place for the answer to a check; None when no file says all that it depends on.

    Args:
        folder: of the cache.
        model: a path; a factory is code, and may do anything.
        sample: a path, or None.
        options: further arguments of `check()`.
        limits: what files may ask for.
        in_process: the check runs in this process; from another, nobody tells which modules it has loaded.

    Raises:
        UsageError: the folder is not one of a cache of ours.
    """
    answers.refuse_foreign(folder)
    imports = options.get("imports") or ()
    if not isinstance(imports, (list, tuple)) or (imports and not in_process):
        return None
    try:
        files = [Path(model), *([Path(sample)] if sample is not None else [])]
        if not all(path.is_file() for path in files):
            return None
        seen = tuple((str(path), _state(path)) for path in files)
        facts = {
            "format": FORMAT,
            "model": [model, _digest(files[0])],
            "sample": None if sample is None else [sample, _digest(files[1])],
            "options": {name: value for name, value in sorted(options.items()) if value not in (None, (), [])},
            "limits": repr(limits),
            "folder": os.getcwd(),
            "programs": _programs(),
            "imports": [[str(name), _origin(str(name))] for name in imports],
            "settings": sorted((name, value) for name, value in os.environ.items() if _SETTINGS.match(name)),
            "keras": _digest(Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"),
        }
        text = json.dumps(facts, sort_keys=True)
    except (OSError, TypeError, ValueError, RuntimeError, ImportError):
        return None  # The check itself says what is wrong.
    name = hashlib.blake2b(text.encode(), digest_size=20).hexdigest()
    return Entry(folder / f"{name}.json", seen, bool(imports))


def _digest(path: Path) -> str | None:
    """A hash of a file's content; None when there is no such file."""
    if not path.is_file():
        return None
    hashed = hashlib.blake2b(digest_size=20)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()


def _state(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _programs() -> list[object]:
    """The versions of everything that has a part in the answer."""
    from importlib import metadata

    found: list[object] = [version.__version__, sys.version, sys.platform]
    for name in _COMPUTING:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append([name, metadata.version(name)])
    # A checkout that is being worked on has one version for many states.
    own = Path(gradlint.__file__).parent
    return [*found, [[str(path.relative_to(own)), *_state(path)[:2]] for path in sorted(own.rglob("*.py"))]]


def _origin(name: str) -> object:
    """What an `--import` names: the content of a file, or the state of a module's."""
    if is_file(name):
        return _digest(Path(name))
    root = found_module(name.split(".")[0])  # finding a deeper one would import its parents
    return None if root is None or root.origin is None else [root.origin, _state(Path(root.origin))[:2]]


def _own_modules() -> Iterable[Path]:
    """Files of the loaded modules that are neither a library's nor gradlint's own."""
    files = {file_of(module) or "" for module in list(sys.modules.values())}
    return sorted(
        Path(file) for file in files if os.path.isabs(file) and not is_library_file(file) and os.path.isfile(file)
    )
