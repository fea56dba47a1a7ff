"""Which files of a folder are looked at: not those of `.gitignore`, of environments, or excluded by pattern."""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from typing import TYPE_CHECKING

from gradlint.load.files import content_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LARGEST = 2**20
"""Bytes of a `.gitignore`."""
SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "buck-out"})


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of a `.gitignore`, or of `exclude`.

    Attributes:
        folder: the path that it counts from.
        expression: fits the path below the folder.
        negated: whether it takes back what an earlier one ignores.
        folders_only: whether it ends in a slash.
        anywhere: whether it fits at any depth.
    """

    folder: str
    expression: re.Pattern[str]
    negated: bool
    folders_only: bool
    anywhere: bool

    def fits(self, path: str, is_folder: bool) -> bool:
        if self.folders_only and not is_folder:
            return False
        if self.folder and not path.startswith(f"{self.folder}/"):
            return False
        return self.expression.fullmatch(path[len(self.folder) + 1 if self.folder else 0 :]) is not None


def pattern_of(line: str, folder: str = "") -> Pattern | None:
    """What one line of a `.gitignore` says; None for blank lines and comments."""
    text = line.rstrip("\n").rstrip()
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    text = text[1:] if negated else text
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    is_anchored = "/" in text
    text = text.lstrip("/")
    anywhere = not is_anchored or text.startswith("**/")
    try:
        expression = re.compile(_expression(text if is_anchored else f"**/{text}"))
        return Pattern(folder, expression, negated, folders_only, anywhere)
    except re.error:
        return None


def _expression(text: str) -> str:
    """A regular expression for the paths that a pattern fits; its work is in proportion to the path.

    Of the places where what stands between two stars fits, the first is as good as any other: no second is tried.
    """
    numbers = itertools.count()

    def first(expression: str) -> str:
        name = f"g{next(numbers)}"
        return f"(?=(?P<{name}>{expression}))(?P={name})"

    def part(name: str) -> str:
        """What fits the name of one file or folder."""
        runs = [""]
        for token in re.findall(r"\*+|\?|\[[^\]]*\]|[^*?\[]+|\[", name):
            if token[0] == "*":
                runs.append("")
            else:
                runs[-1] += _piece(token)
        start, *others = runs
        if not others:
            return start
        return start + "".join(first(f"[^/]*?{each}") for each in others[:-1]) + f"[^/]*{others[-1]}"

    body = re.sub(r"(?:/\*\*)+$", "", text)
    if body == "**":
        return ".*"
    start, *others = ("/".join(map(part, each.split("/"))) for each in re.split(r"(?<![^/])(?:\*\*/)+", body))
    if others:
        start += "".join(first(f"(?:[^/]*/)*?{each}") for each in others[:-1]) + f"(?:[^/]*/)*?{others[-1]}"
    return start + ("/.*" if body != text else "")


def _piece(text: str) -> str:
    if text == "?":
        return "[^/]"
    if text.startswith("[") and text.endswith("]") and len(text) > 2:
        return "(?!/)" + re.sub(r"\\Z|\(\?s:|\)$", "", translate(text).removesuffix(r"\Z"))
    return re.escape(text)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What is left out: patterns, each with the folder that their paths count from."""

    patterns: tuple[tuple[Path, Pattern], ...] = ()

    @classmethod
    def of(cls, exclude: Iterable[str], base: Path) -> Exclusion:
        """The patterns on these lines; their paths count from one folder."""
        return cls(tuple((base, pattern) for pattern in patterns_of(exclude)))

    def __add__(self, other: Exclusion) -> Exclusion:
        return Exclusion(self.patterns + other.patterns)

    def leaves_out(self, path: Path) -> bool:
        """Whether a file, or a folder that it is in, is left out."""
        whole = Path(os.path.abspath(path))
        return any(
            is_within(whole.relative_to(base).as_posix(), (pattern,))
            for base, pattern in self.patterns
            if whole.is_relative_to(base)
        )

    def files(self, folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
        """The files below a folder, sorted, with these endings; those of `.gitignore` are left out as well."""
        top = Path(os.path.abspath(folder))
        here = [
            (f"{top.relative_to(base).as_posix()}/".removeprefix("./"), pattern)
            for base, pattern in self.patterns
            if top.is_relative_to(base)
        ]
        yield from _walk(folder, "", _ignored_above(folder), here, suffixes)


def _walk(
    folder: Path,
    below: str,
    ignoring: list[Pattern],
    excluded: Sequence[tuple[str, Pattern]],
    suffixes: tuple[str, ...],
) -> Iterator[Path]:
    ignoring = [*ignoring, *_gitignore(folder, below)]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = f"{below}/{entry.name}" if below else entry.name
        is_folder = entry.is_dir(follow_symlinks=False)
        if any(pattern.fits(prefix + path, is_folder) for prefix, pattern in excluded):
            continue
        if _is_ignored(ignoring, path, is_folder):
            continue
        if is_folder:
            hidden = entry.name.startswith(".") or entry.name in SKIPPED
            if not hidden and not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                yield from _walk(Path(entry.path), path, ignoring, excluded, suffixes)
        elif entry.name.endswith(suffixes) and entry.is_file():
            yield Path(entry.path)


def patterns_of(lines: Iterable[str]) -> tuple[Pattern, ...]:
    """The patterns of these lines."""
    return tuple(pattern for line in lines if (pattern := pattern_of(line)) is not None)


def is_within(path: str, patterns: Sequence[Pattern]) -> bool:
    """Whether a file, or a folder that it is in, fits one of the patterns; `path` counts from where they do."""
    parts = path.split("/")
    heads = [("/".join(parts[:end]), end < len(parts)) for end in range(1, len(parts) + 1)]
    return any(pattern.fits(head, is_folder) for pattern in patterns for head, is_folder in heads)


def _is_ignored(ignoring: Sequence[Pattern], path: str, is_folder: bool) -> bool:
    ignored = False
    for pattern in ignoring:
        if pattern.fits(path, is_folder):
            ignored = not pattern.negated
    return ignored


def _gitignore(folder: Path, below: str) -> list[Pattern]:
    try:
        lines = content_of(folder / ".gitignore", _LARGEST).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [pattern for line in lines if (pattern := pattern_of(line, below)) is not None]


def _ignored_above(folder: Path) -> list[Pattern]:
    """Patterns of the repository's folders above; those that are anchored there concern paths that are not walked."""
    found: list[Pattern] = []
    top = folder.resolve()
    if (top / ".git").exists():
        return []
    for above in top.parents:
        lines = _gitignore(above, "")
        found = [each for each in lines if each.anywhere] + found
        if (above / ".git").exists():
            return found
    return []  # no repository: what lies above is none of its business
