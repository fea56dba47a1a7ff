"""What the reports for people share: safe text, folded lists, places, the verdict."""

from __future__ import annotations

import linecache
import os
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePath
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gradlint.finding import Cause, Finding
    from gradlint.result import Result, SkippedRule

NAME_WIDTH = 60
"""Longer names from files are shortened in the middle."""
_ANSI = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "magenta": 35, "cyan": 36}


def _repository() -> str:
    folder = PurePath(os.getcwd())
    return next((str(up) for up in (folder, *folder.parents) if os.path.exists(up / ".git")), str(folder))


@dataclass(frozen=True, slots=True)
class Style:
    """How a report looks; the shell decides.

    Attributes:
        colour: True to use ANSI colours.
        width: columns that sentences are wrapped to.
        folder: paths of source files below this folder are shown relative to it.
        root: the folder of the repository, for formats whose readers know paths from there.
    """

    colour: bool = False
    width: int = 100
    folder: str = field(default_factory=os.getcwd)
    root: str = field(default_factory=_repository)

    def paint(self, text: str, *looks: str) -> str:
        """`text` in these looks (`bold`, `red`, ...), or as it is without colour."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(str(_ANSI[look]) for look in looks)}m{text}\x1b[0m"


def printable(text: str) -> str:
    r"""`text` with every control, format or unassigned character written as an escape such as `\x1b`.

    Names come from files; one that holds terminal escapes or right-to-left overrides must not act.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def sentence(text: str) -> str:
    """`text` on one line: white space collapsed, the rest made printable."""
    return printable(" ".join(text.split()))


def name(text: str, width: int = NAME_WIDTH) -> str:
    """A name from a file: printable, quoted when it would look like nothing, shortened in the middle."""
    shown = printable(text)
    if shown != shown.strip() or not shown:
        shown = f"'{shown}'"
    if len(shown) > width:
        tail = (width - 1) // 2
        shown = f"{shown[: width - 1 - tail]}…{shown[-tail:]}"
    return shown


def count(number: int, noun: str) -> str:
    """`1 error`, `1,200 errors`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(parts: Sequence[str], limit: int = 3) -> str:
    """`a, b, c`, or `a, b, c and 9 more`; never folds a single name away."""
    if len(parts) <= limit + 1:
        return ", ".join(parts)
    return f"{', '.join(parts[:limit])} and {len(parts) - limit:,} more"


def folded(noun: str, names: Sequence[str]) -> str:
    """Names in one phrase: `12 variables under model1/: dense/kernel, dense/bias, ... and 9 more`."""
    if len(names) == 1:
        return f"{noun} {name(names[0])}"
    prefix = common_folder(names)
    where = f" under {name(prefix)}" if prefix else ""
    return f"{count(len(names), noun)}{where}: {listed([name(n[len(prefix) :]) for n in names])}"


def common_folder(paths: Iterable[str]) -> str:
    """The longest `a/b/` that all paths start with; the last part of a path is never in it."""
    parents = [path.split("/")[:-1] for path in paths]
    shared = takewhile(lambda level: len(set(level)) == 1, zip(*parents, strict=False))
    return "".join(f"{level[0]}/" for level in shared)


def shape_text(shape: Sequence[object]) -> str:
    """`(8, 32)`; an unknown size is `?`."""
    sizes = ["?" if size is None else str(size) for size in shape]
    return f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"


def place(cause: Cause, style: Style) -> str | None:
    """`src/model.py:41`, relative to the style's folder when below it; None when no file is known."""
    if cause.file is None:
        return None
    path = PurePath(cause.file)
    if path.is_relative_to(style.folder):
        path = path.relative_to(style.folder)
    return printable(str(path)) + (f":{cause.line}" if cause.line is not None else "")


def repository_place(finding: Finding, target: str, style: Style) -> tuple[str, int | None]:
    """The file and line of a finding for a forge: always a path below the root of the repository, with `/`.

    A cause outside of the repository (installed code, a notebook cell), or without a file, is shown at the model:
    readers such as GitHub's code scanning refuse a whole report for one path that they cannot place.
    """
    cause = finding.cause
    if cause.file is not None and not cause.file.startswith("<"):
        path = _below_root(cause.file, style)
        if path is not None:
            return path, cause.line
    path, separator, _ = target.partition(":")
    if separator and path.replace(".", "").isidentifier():  # package.module:factory
        path = f"{path.replace('.', '/')}.py"
    else:
        path = target
    name_alone = os.path.basename(os.path.normpath(path)) if path else ""
    inside = _below_root(path, style) if path else None
    return inside or (printable(name_alone) if name_alone not in ("", ".", "..") else "model"), None


def _below_root(path: str, style: Style) -> str | None:
    root = os.path.normpath(style.root)
    full = os.path.normpath(os.path.join(style.folder, path))
    if not PurePath(full).is_relative_to(root) or full == root:
        return None
    return printable(PurePath(full).relative_to(root).as_posix())


def norm_text(norm: float | None) -> str:
    """`1.25e-03`; an exact zero looks like no other number, and `-` is not known."""
    if norm is None:
        return "-"
    # One format for all, so that magnitudes compare at a glance.
    return "0" if norm == 0 else f"{norm:.2e}"


def source_line(cause: Cause) -> str | None:
    """The line of source that a cause names, on one line; None when it cannot or should not be read."""
    if cause.file is None or cause.line is None:
        return None
    # The path may come from a model file: quote Python sources and notebook cells, nothing else.
    if not cause.file.endswith(".py") and not cause.file.startswith("<"):
        return None
    linecache.checkcache(cause.file)
    return sentence(linecache.getline(cause.file, cause.line)) or None


def crash(rule: SkippedRule) -> str:
    """One line on a rule that broke off."""
    return f"{sentence(rule.code)} crashed: {sentence(rule.reason)}; this is a bug in gradlint, please report it"


def verdict(result: Result) -> str:
    """The closing line: how many findings of each severity, or how far the gradient reaches."""
    found = Counter(finding.severity for finding in result.findings)
    counts = [count(found[s], s.value) for s in reversed(Severity) if found[s] and s is not Severity.INFO]
    if found[Severity.INFO]:
        counts.append(f"{found[Severity.INFO]:,} info")
    if result.crashed:
        counts.append(f"{count(len(result.crashed), 'rule')} crashed")
    head = ", ".join(counts) or "No finding"
    if result.crashed or found[Severity.ERROR] or found[Severity.WARNING]:
        return head
    return f"{head}: {_reach(result)}"


FINE = (GradientState.FINITE, GradientState.PRESENT, GradientState.NOT_APPLICABLE)
"""States of what needs no attention."""


def _reach(result: Result) -> str:
    learning = [v.gradient for v in result.variables if v.trainable]
    # Integers and strings have no gradient by nature: they are not counted as missed.
    fed = [i.gradient for i in result.inputs if i.gradient is not GradientState.NOT_APPLICABLE]
    if all(state is GradientState.UNKNOWN for state in learning + fed):
        return "no gradient was computed"
    parts = [_share(learning, "trainable variable"), _share(fed, "input")]
    everything = all(state in FINE for state in learning + fed)
    return f"the gradient reaches {'all ' * everything}{' and '.join(part for part in parts if part)}"


def _share(states: Sequence[GradientState], noun: str) -> str:
    reached = sum(state in FINE for state in states)
    if not states:
        return ""
    return count(reached, noun) if reached == len(states) else f"{reached:,} of {count(len(states), noun)}"
