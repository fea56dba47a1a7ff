"""The cases: models with a known mistake and their twins, healthy models, faulty programs, steps and source."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cases.judging import FITTING, ZERO

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
OURS = ROOT / "tests" / "cases"
ROUNDS = OURS / "rounds"
"""What people wrote who knew no more of gradlint than the names of its rules, as they wrote it."""
ASIDE = ROOT.parent / "shared" / "cases"
"""More cases of the same form, where somebody has put them; in no repository."""
PATTERNS = {
    "bugs": "*.py",
    "healthy": "*.py",
    "programs": "*.py",
    "steps": "*.py",
    "sources": "*_bad.py",
    "healthy_steps": "*.py",
}
BUILDS = ("build", "fixed")
"""The functions of a case that build a model."""
FITS: dict[str, set[str] | None] = {**FITTING, "saturation": FITTING["saturation"] | ZERO, "other": None}
"""The codes that may report a bug of each category; any may where the category says nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case.

    Attributes:
        name: such as `bugs/argmax_onehot_router`, with `aside/` before it where it is not one of the repository's.
        kind: a key of `PATTERNS`.
    """

    name: str
    kind: str
    file: Path

    @property
    def hash(self) -> str:
        """Of everything that makes the case."""
        files = [self.file]
        if self.kind == "sources":
            files.append(self.twin_of_source)
        return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]

    @property
    def twin_of_source(self) -> Path:
        return self.file.with_name(self.file.name.replace("_bad.py", "_good.py"))

    def module(self) -> ModuleType:
        """The module of the case; raises what importing it raises."""
        name = "case_" + self.name.replace("/", "_")
        spec = importlib.util.spec_from_file_location(name, self.file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        for build in BUILDS:
            if hasattr(module, build):
                setattr(module, build, _from_the_start(getattr(module, build)))
        return module


def _from_the_start(build: Callable[..., Any]) -> Callable[..., Any]:
    """A case's function that builds, with Keras as in a new process: who builds after others gets the same weights.

    Some mistakes show with nearly all first weights and not with all: what gradlint says of one model is not to be
    compared with what plain TensorFlow shows of another.
    """

    @functools.wraps(build)
    def built(*args: Any, **kwargs: Any) -> Any:
        from tests.benchmarks.truth.symptoms import fresh

        fresh()
        return build(*args, **kwargs)

    return built


def all_cases(folders: dict[str, Path] | None = None) -> list[Case]:
    """The cases below folders, by what is put before their names."""
    folders = {"": OURS, "rounds/": ROUNDS, "aside/": ASIDE} if folders is None else folders
    return [
        Case(f"{prefix}{kind}/{file.stem.removesuffix('_bad')}", kind, file)
        for prefix, folder in folders.items()
        for kind, pattern in PATTERNS.items()
        for file in sorted((folder / kind).glob(pattern))
    ]
