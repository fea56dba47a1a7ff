"""What the reports for people share: safe text, folded lists, places."""

from __future__ import annotations

import linecache
import os
import re
import shutil
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import PurePath
from textwrap import wrap
from typing import TYPE_CHECKING

from gradlint.cells import cell_of, line_in_words
from gradlint.report.outgoing import printable
from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gradlint.finding import Cause, Finding
    from gradlint.result import SkippedRule

MOST_COMPARED = 1000
"""More names than this are not searched for a folder that they share: many findings may each list all of them."""
MOST_OF_CODE = 100
"""A report for people shows this many findings of one rule, and counts the others."""
MESSAGE_WIDTH = 1000
"""Characters of a message or a fact in a report for people; the JSON has all of them."""
NAME_WIDTH = 60
"""Longer names from files are shortened in the middle."""
WIDTH, NARROWEST = 100, 60
"""Columns of a report, and of one on the narrowest terminal that is heeded."""
_SHAPE = re.compile(r"[(\[](?:\d+|None|\?)(?:, (?:\d+|None|\?))*,?[)\]]")
_IN_WORD = re.compile(r"\w\w")
_KEPT_SPACE = "\N{NO-BREAK SPACE}"
"""`textwrap` breaks lines at white space of ASCII alone; `printable` lets none of these through."""
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
        explains: under each finding stand the experiments behind it.
        in_python: it is read where Python called, and no exit status follows.
        folder: paths of source files below this folder are shown relative to it.
        root: the folder of the repository, for formats whose readers know paths from there.
    """

    colour: bool = False
    width: int = WIDTH
    explains: bool = False
    in_python: bool = False
    folder: str = field(default_factory=os.getcwd)
    root: str = field(default_factory=_repository)

    def paint(self, text: str, *looks: str) -> str:
        """`text` in these looks (`bold`, `red`, ...), or as it is without colour."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(str(_ANSI[look]) for look in looks)}m{text}\x1b[0m"


def columns_of_stdout() -> int:
    """Columns for a report that is printed: those of the terminal within bounds, and as many as in a file elsewhere."""
    if sys.stdout is None or not sys.stdout.isatty():
        return WIDTH
    return max(NARROWEST, min(shutil.get_terminal_size(fallback=(WIDTH, 0)).columns, WIDTH))


def sentence(text: str) -> str:
    """`text` on one line: white space collapsed, the rest made printable."""
    return printable(" ".join(text.split()))


def name(text: str, width: int = NAME_WIDTH) -> str:
    """A name from a file: printable, quoted when it would look like nothing, shortened in the middle."""
    shown = printable(text)
    if shown != shown.strip() or not shown:
        shown = f"'{shown}'"
    return shortened(shown, width)


def shortened(text: str, width: int) -> str:
    """`text`, with its middle left out where it is longer than `width` characters."""
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"


def excerpt(code: str, width: int) -> str:
    """A line of code, of which whole words in the middle are left out where it is longer than `width` characters."""
    if len(code) <= width:
        return code
    tail = (width - 1) // 2
    head = width - 1 - tail
    first, last = code[:head], code[-tail:]
    if _IN_WORD.match(code[head - 1 : head + 1]):
        first = re.sub(r"\w+$", "", first)
    if _IN_WORD.match(code[-tail - 1 :][:2]):
        last = re.sub(r"^\w+", "", last)
    return f"{first}…{last}" if first and last else shortened(code, width)


def wrapped(text: str, width: int, margin: str = "") -> list[str]:
    """Lines of at most `width` columns. Paths and shapes are copied from reports: a long one overflows, unbroken."""
    lines = wrap(
        _SHAPE.sub(lambda shape: shape[0].replace(" ", _KEPT_SPACE), text),
        width,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_KEPT_SPACE, " ") for line in lines]


def count(number: int, noun: str) -> str:
    """`1 error`, `1,200 errors`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(parts: Sequence[str], limit: int = 3, total: int | None = None) -> str:
    """`a, b, c`, or `a, b, c and 9 more`; never folds a single name away.

    Args:
        parts: the first ones, `limit + 1` at least if there are so many.
        limit: how many are named.
        total: how many there are, if `parts` does not hold all.
    """
    total = len(parts) if total is None else total
    if total <= limit + 1:
        return ", ".join(parts)
    return f"{', '.join(parts[:limit])} and {total - limit:,} more"


def named(names: Sequence[str], limit: int = 3, width: int = NAME_WIDTH) -> str:
    """Names from files as `listed` says them; only those that are said are looked at."""
    return listed([name(each, width) for each in names[: limit + 1]], limit, len(names))


def folded(noun: str, names: Sequence[str]) -> str:
    """Names in one phrase: `12 variables under model1/: dense/kernel, dense/bias, ... and 9 more`."""
    if len(names) == 1:
        return f"{noun} {name(names[0])}"
    prefix = common_folder(names) if len(names) <= MOST_COMPARED else ""
    where = f" under {name(prefix)}" if prefix else ""
    few = [name(n[len(prefix) :]) for n in names[:5]]
    return f"{count(len(names), noun)}{where}: {listed(few, total=len(names))}"


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
    """The line of a file below the style's folder, of IPython's cell, or of a notebook's; None without a file."""
    if cause.file is None:
        return None
    path = PurePath(cause.file)
    if cell_of(cause.file) is None and path.is_relative_to(style.folder):
        path = path.relative_to(style.folder)
    if cause.cell is not None:
        return printable(f"{path}, cell {cause.cell}, line {cause.cell_line}")
    return printable(line_in_words(str(path), cause.line))


def culprit(cause: Cause, style: Style) -> str:
    """`encoder/dense · ArgMax · src/model.py:41`, as far as it is known."""
    parts = [*(name(part) for part in (cause.layer, cause.op) if part), place(cause, style)]
    return " · ".join(filter(None, parts))


def most_of_each_code(findings: Sequence[Finding]) -> tuple[list[Finding], dict[str, int]]:
    """The findings that a report for people shows, and how many more there are, by code."""
    seen: Counter[str] = Counter()
    shown = []
    for finding in findings:
        seen[finding.code] += 1
        if seen[finding.code] <= MOST_OF_CODE:
            shown.append(finding)
    return shown, {code: number - MOST_OF_CODE for code, number in seen.items() if number > MOST_OF_CODE}


def unshown(more: Mapping[str, int]) -> str:
    """`and 1,900 more of GL401, 3 more of GL402: --format json has all of them`; empty when all are shown."""
    if not more:
        return ""
    parts = ", ".join(f"{number:,} more of {sentence(code)}" for code, number in more.items())
    return f"and {parts}: --format json has all of them"


def repository_place(finding: Finding, target: str, style: Style) -> tuple[str, int | None]:
    """The file and line of a finding for a forge: always a path below the root of the repository, with `/`.

    A cause outside of the repository (installed code, a notebook cell), or without a file, is shown at the model:
    readers such as GitHub's code scanning refuse a whole report for one path that they cannot place.
    """
    cause = finding.cause
    if cause.file is not None and cause.is_in_file:
        path = _below_root(cause.file, style)
        if path is not None:
            return path, cause.line
    path, separator, rest = target.partition(":")
    if rest.startswith("//"):  # an address
        path = rest.rpartition("/")[2]
    elif separator and path.replace(".", "").isidentifier():  # package.module:factory
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


def crash(rule: SkippedRule) -> str:
    """One line on a rule that broke off."""
    reason = shortened(sentence(rule.reason), MESSAGE_WIDTH)
    return f"{sentence(rule.code)} crashed: {reason}; this is a bug in gradlint, please report it"


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
    if cause.cell is not None:
        return sentence(cause.text) or None
    # The path may come from a model file: quote Python sources and notebook cells, nothing else.
    if cause.is_in_file and not cause.file.endswith(".py"):
        return None
    if os.path.exists(cause.file) and not os.path.isfile(cause.file):  # a pipe would hang
        return None
    linecache.checkcache(cause.file)
    return sentence(linecache.getline(cause.file, cause.line)) or None


FINE = (GradientState.FINITE, GradientState.PRESENT, GradientState.NOT_APPLICABLE)
"""States of what needs no attention."""
