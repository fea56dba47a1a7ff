"""`[tool.gradlint]` of `pyproject.toml`, or `gradlint.toml`: what to check, and how.

A file is read whole: its mistakes are reported together, each with its line.
"""

from __future__ import annotations

import functools
import mmap
import os
import re
import sys
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gradlint.cells import as_typed
from gradlint.checking.suppression import Allowance, allowances
from gradlint.errors import ConfigError, UsageError, closest
from gradlint.load import search
from gradlint.load.files import content_of
from gradlint.load.kinds import MODELS, SAMPLES
from gradlint.load.remote import is_address
from gradlint.options import (
    CODES,
    KEYS,
    SETTINGS,
    MistakeError,
    Settings,
    number_from,
    text,
    text_or_texts,
)
from gradlint.project.toml_lines import key_lines
from gradlint.thresholds import refuse_threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

OWN_FILE, SHARED_FILE = "gradlint.toml", "pyproject.toml"
_LARGEST = 10_000_000
"""Bytes of a configuration."""
T = TypeVar("T")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
"""Names of targets: usable as a file name, as a test's name and on a command line."""


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of `[tool.gradlint.targets]`; its paths are absolute.

    Attributes:
        settings: its own, completed by those of the file.
        allowed: per-layer ignores of its own.
    """

    name: str
    model: str
    sample: str | None
    settings: Settings
    allowed: tuple[Allowance, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file.

    Attributes:
        file: None when there is none.
        folder: paths in the file are relative to it.
        settings: for every check.
        allowed: per-layer ignores for every check.
        baseline: file of the known findings.
        jobs: how many targets are checked at a time.
        sources: files and folders of source to check; absolute.
        exclude: patterns of source files and folders to leave out, as in `.gitignore`.
        per_file: findings that are meant in source files, by pattern of their path.
        lines: line of the file for each key that it says, such as `targets.towers.model`.
    """

    file: Path | None
    folder: Path
    settings: Settings = field(default_factory=Settings)
    allowed: tuple[Allowance, ...] = ()
    targets: tuple[Target, ...] = ()
    baseline: Path | None = None
    jobs: int | None = None
    sources: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_file: tuple[Allowance, ...] = ()
    lines: tuple[tuple[tuple[str, ...], int], ...] = ()

    def target(self, name: str) -> Target | None:
        """The target of this name."""
        return next((target for target in self.targets if target.name == name), None)


def find_config(start: Path) -> Path | None:
    """The configuration file for a folder: its own, or the nearest above, up to the root of a repository.

    `gradlint.toml` comes before `pyproject.toml`, which counts only when it has a `[tool.gradlint]`. The way up ends at
    a folder of another user, and a file of another user's is none: its imports would run.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if not _is_ours(folder, start):
            return None
        if (own := folder / OWN_FILE).is_file() and _is_ours(own, start):
            return own
        shared = folder / SHARED_FILE
        if shared.is_file() and _is_ours(shared, start) and _mentions_gradlint(shared):
            return shared
        if (folder / ".git").exists():
            return None
    return None


def _is_ours(path: Path, start: Path) -> bool:
    """True for what this user owns, or who owns the folder they have chosen to stand in (a checkout in a container)."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        owners = {path.stat().st_uid, path.lstat().st_uid}  # a link says that a file of ours counts here
        return owners <= {os.geteuid(), start.stat().st_uid}
    except OSError:
        return False


def _mentions_gradlint(shared: Path) -> bool:
    # Not parsed: a mistake elsewhere in somebody's pyproject.toml is no business of a run without a table here.
    try:
        text = content_of(shared, _LARGEST).decode("utf-8", "replace")
    except OSError:
        return False
    return re.search(r"^\s*\[+\s*tool\s*\.\s*[\"']?gradlint\b|^\s*gradlint\s*[.=]", text, re.MULTILINE) is not None


def load_config(file: Path | None, folder: Path | None = None) -> Config:
    """Read a configuration file; without one, the empty configuration of a folder.

    Raises:
        ConfigError: the file cannot be read, or has mistakes: all of them, each with its line.
    """
    if file is None:
        return Config(None, (folder or Path.cwd()).resolve())
    try:
        text = content_of(file, _LARGEST).decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{as_typed(file)} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        table: object = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number with thousands of digits
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ConfigError(f"{as_typed(file)} is not TOML: {reason}") from error
    return _Reader(file.resolve(), text).config(table)


def paired_target(config: Config, model: Path) -> Target | None:
    """A model file with a sample beside it, as a target; None when one is missing or a target names the model."""
    return _pair(config, model, sample_beside(model))


def _pair(config: Config, model: Path, sample: Path | None) -> Target | None:
    if sample is None or _is_named(config, model):
        return None
    return Target(name_of_model(config, str(model)), str(model), str(sample), config.settings)


def _only_sample(folder: Path) -> Path | None:
    """The only sample of a folder with one model, whatever they are called."""
    files = list(folder.iterdir())
    samples = [file for file in files if file.suffix == ".npz"]
    return samples[0] if len(samples) == 1 == sum(map(is_model_file, files)) else None


def sample_beside(model: Path) -> Path | None:
    """The sample of a model file: of its name, else the one called `sample`, which is for all models of a folder."""
    if not is_model_file(model):
        return None
    beside = (model.with_suffix(".npz"), *(model.with_name(f"sample{ending}") for ending in SAMPLES))
    return next((file for file in beside if file.is_file()), None)


def is_model_file(file: Path) -> bool:
    """Whether a file holds a whole model, by its name; of HDF5, which holds data as often, by a word in it."""
    if file.suffix not in MODELS or not file.is_file():
        return False
    if file.suffix == ".keras":
        return True
    try:
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"model_config") >= 0
    except (OSError, ValueError):  # it cannot be read, or is empty
        return False


def _is_named(config: Config, model: Path) -> bool:
    return any(t.model == str(model) or Path(t.model).resolve() == model.resolve() for t in config.targets)


def paired_targets(config: Config, words: Iterable[str]) -> tuple[list[Target], list[Path]]:
    """A target for every model with its sample beside it below the folders among some words; and models without one."""
    targets: list[Target] = []
    alone: list[Path] = []
    only_sample = functools.cache(_only_sample)  # of a folder full of models it is asked for each
    for folder in filter(Path.is_dir, map(Path, words)):
        for file in sorted(folder.rglob("*")):
            if not is_model_file(file) or any(part[0] == "." for part in file.parts[1:]):
                continue
            if (target := _pair(config, file, sample_beside(file) or only_sample(file.parent))) is not None:
                targets.append(target)
            elif not _is_named(config, file):
                alone.append(file)
    return targets, alone


def name_of_model(config: Config, model: str) -> str:
    """What a baseline calls a model that no target names: its path from the configuration's folder."""
    path = Path(os.path.abspath(model))
    if is_address(model):
        return model
    return path.relative_to(config.folder).as_posix() if path.is_relative_to(config.folder) else model


class _Reader:
    """Turns the table of one file into a `Config`, and collects its mistakes on the way."""

    def __init__(self, file: Path, text: str) -> None:
        self.file, self.folder = file, file.parent
        self.prefix: tuple[str, ...] = () if file.name != SHARED_FILE else ("tool", "gradlint")
        self.text = text.split("\n")
        self.lines = key_lines(text)
        self.mistakes: list[tuple[int, str]] = []
        self.blamed: set[tuple[str, ...]] = set()
        self.starts = sorted({*self.lines.values(), len(self.text) + 1})

    def config(self, table: object) -> Config:
        for part in self.prefix:
            table = table.get(part, {}) if isinstance(table, dict) else {}
        own = self._table(table, ())
        entries = self._table(own.pop("targets", {}), ("targets",))  # inside of a target, `targets` are labels
        settings, allowed = self._settings(own, ())
        targets = [self._target(name, entry, settings) for name, entry in entries.items()]
        baseline = self._value(own, ("baseline",), text)
        jobs = self._value(own, ("jobs",), number_from(1))
        sources = self._value(own, ("sources",), text_or_texts) or ()
        exclude = self._value(own, ("exclude",), text_or_texts) or ()
        per_file = self._allowed(own, ("per-file-ignores",))
        known = (*KEYS, "per-layer-ignores", "per-file-ignores", "targets", "baseline", "jobs", "sources", "exclude")
        self._refuse_unknown(own, (), known)
        if self.mistakes:
            raise ConfigError(*self._report())
        length = len(self.prefix)
        return Config(
            file=self.file,
            folder=self.folder,
            settings=settings,
            allowed=allowed,
            targets=tuple(targets),
            baseline=Path(self._below(baseline)) if baseline is not None else None,
            jobs=jobs,
            sources=tuple(map(self._below, sources)),
            exclude=exclude,
            per_file=per_file,
            lines=tuple((key[length:], line) for key, line in self.lines.items() if key[:length] == self.prefix),
        )

    def _target(self, name: str, entry: object, defaults: Settings) -> Target:
        path = ("targets", name)
        if not NAME.fullmatch(name):
            self._blame(path, f"{name!r} is no name for a target; use letters, digits, '_', '-' and '.'")
        own = self._table(entry, path)
        settings, allowed = self._settings(own, path)
        model = self._value(own, (*path, "model"), text)
        sample = self._value(own, (*path, "sample"), text)
        if model is None and isinstance(entry, dict) and (*path, "model") not in self.blamed:
            self._blame(path, f"target {name!r} has no model")
        missing = ("model",) if model is None else ()
        self._refuse_unknown(own, path, (*KEYS, "per-layer-ignores", "model", "sample"), missing)
        return Target(
            name=name,
            model=self._path(model or ""),
            sample=None if sample is None else self._path(sample),
            settings=settings.over(defaults),
            allowed=allowed,
            line=self._line(path),
        )

    def _settings(self, own: dict[str, object], path: tuple[str, ...]) -> tuple[Settings, tuple[Allowance, ...]]:
        said: dict[str, object] = {}
        for key, name in KEYS.items():
            kind = SETTINGS[name].kind
            read = _codes if kind is CODES else kind.read
            if (value := self._value(own, (*path, key), read)) is not None:
                said[name] = value
        if isinstance(imports := said.get("imports"), tuple):
            said["imports"] = tuple(self._path(item) if item.endswith(".py") else item for item in imports)
        if isinstance(thresholds := said.get("thresholds"), tuple):
            for name, number in thresholds:
                try:
                    refuse_threshold(name, number)
                except UsageError as error:
                    self._blame((*path, "thresholds", name), str(error))
        return Settings(said), self._allowed(own, (*path, "per-layer-ignores"))

    def _allowed(self, own: dict[str, object], path: tuple[str, ...]) -> tuple[Allowance, ...]:
        """A table of patterns and the rules that may report there."""
        ignores = self._table(own.pop(path[-1], {}), path)
        allowed: list[Allowance] = []
        for pattern in list(ignores):
            where = (*path, pattern)
            rules = self._value(ignores, where, _codes)
            origin = f"{as_typed(self.file)}:{self._line(where)}"
            for rule in rules or ():
                allowed += allowances({rule: pattern}, origin)
        return tuple(allowed)

    def _path(self, item: str) -> str:
        if is_address(item):
            return item
        named = search.NAMED.fullmatch(item)
        is_module = named is not None and not named["module"].endswith(".py")
        return item if is_module and not (self.folder / item).exists() else self._below(item)

    def _below(self, item: str) -> str:
        """The absolute path of an item, without `..` where that is the same file: behind a link it need not be."""
        whole = str(self.folder / item)
        short = os.path.normpath(whole)
        return short if os.path.realpath(short) == os.path.realpath(whole) else whole

    # -- mistakes ------------------------------------------------------------------------------------------

    def _table(self, value: object, path: tuple[str, ...]) -> dict[str, object]:
        if isinstance(value, dict):
            return dict(value)
        self._blame(path, f"{'.'.join((*self.prefix, *path))} must be a table")
        return {}

    def _value(self, own: dict[str, object], path: tuple[str, ...], read: Callable[[object], T]) -> T | None:
        if path[-1] not in own:
            return None
        value = own.pop(path[-1])
        try:
            return read(value)
        except MistakeError as mistake:
            self._blame(path, f"{path[-1]}: {mistake}", mistake.culprit)
        except UsageError as error:
            self._blame(path, f"{path[-1]}: {error}")
        return None

    def _refuse_unknown(
        self, rest: dict[str, object], path: tuple[str, ...], known: Sequence[str], missing: Sequence[str] = ()
    ) -> None:
        """Blame keys that nobody knows; what must be there and is missing is what they are likely meant to be."""
        for key in rest:
            close = closest(key.replace("_", "-"), missing) or closest(key.replace("_", "-"), known)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(set(known)))}"
            if key == "tool" and not (self.prefix or path):
                hint = f"[tool.gradlint] is for pyproject.toml; in {self.file.name} the keys stand without it"
            self._blame((*path, key), f"{'.'.join((*self.prefix, *path, key))} is not known; {hint}")

    def _blame(self, path: tuple[str, ...], message: str, culprit: str | None = None) -> None:
        self.blamed.add(path)
        self.mistakes.append((self._line(path, culprit), message))

    def _line(self, path: tuple[str, ...], culprit: str | None = None) -> int:
        """The line of a key, or of the nearest key around it; that of `culprit` within its value, when found."""
        full = (*self.prefix, *path)
        line = next((self.lines[full[:n]] for n in range(len(full), 0, -1) if full[:n] in self.lines), 1)
        if culprit is not None:
            following = bisect_right(self.starts, line)
            for number in range(line, self.starts[following] if following < len(self.starts) else line):
                if re.search(rf"""["']{re.escape(culprit)}["']""", self.text[number - 1]):
                    return number
        return line

    def _report(self) -> list[str]:
        number = len(self.mistakes)
        lines = [f"{as_typed(self.file)}:{line}: {message}" for line, message in sorted(self.mistakes)]
        return [f"{as_typed(self.file)} has {number} mistake{'' if number == 1 else 's'}", *lines]


def _codes(value: object) -> tuple[str, ...]:
    from gradlint.rules import codes_matching  # all rules, with their passes: nobody waits for them in vain

    codes = text_or_texts(value)
    for code in codes:
        try:
            codes_matching([code])
        except UsageError as error:
            raise MistakeError(str(error), code) from error
    return codes
