"""From a file to a syntax tree: encodings, notebooks with their magics, and what is broken in one line."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.errors import GradlintError
from gradlint.load.files import content_of
from gradlint.source.names import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LARGEST = 20_000_000
"""Bytes; a file beyond is generated or no source."""
PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "memit"})
_OTHER_LANGUAGES = words(
    """
    bash sh script cmd html HTML svg SVG javascript js latex markdown perl ruby sql bigquery R cython file writefile
    python2
    """
)
_CELL_MAGIC = re.compile(r"^\s*%%(\w+)")
_TARGETS = re.compile(r"[\w.,\s\[\]\"']+")
_MOST_SOUGHT = 10**9
"""Characters of a notebook that are looked through for lines that are not found, because another program wrote them."""


class SourceError(GradlintError):
    """A file is no Python that can be read; the message says where."""


@dataclass(frozen=True, slots=True)
class Line:
    """Where a line of the analysed text stands in a notebook.

    Attributes:
        line: in the notebook's file, from 1.
        column: in the notebook's file, from 0, where the line of code begins.
        cell: number of the code cell, from 1.
        cell_line: in the cell, from 1.
    """

    line: int
    column: int
    cell: int
    cell_line: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was read.

    Attributes:
        path: as the user named it.
        text: what is analysed.
        tree: its syntax.
        lines: of a notebook, where each line of the text, from 1, stands in it; empty for a plain file.
        broken: cells of a notebook that are no Python, one line each.
    """

    path: str
    text: str
    tree: ast.Module
    lines: Mapping[int, Line]
    broken: tuple[str, ...] = ()


def read_source(path: Path, name: str) -> Source:
    """The source of a `.py` or `.ipynb` file.

    Raises:
        SourceError: it cannot be read, decoded or parsed.
    """
    try:
        content = content_of(path, LARGEST)
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror or error}") from error
    return parse(content, name)


def parse(content: bytes, name: str) -> Source:
    """The source in the bytes of a file of this name.

    Raises:
        SourceError: they are no Python.
    """
    if name.endswith(".ipynb"):
        return _notebook(content, name)
    text = _decoded(content, name)
    return Source(name, text, _tree(text, name), {})


def _decoded(content: bytes, name: str) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeError, LookupError) as error:  # of the codecs, some raise no UnicodeDecodeError
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SourceError(f"{name}: {' '.join(reason.split())}") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _tree(text: str, name: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escapes: not our concern
            return ast.parse(text)
    except SyntaxError as error:
        where = f":{error.lineno}" if error.lineno else ""
        raise SourceError(f"{name}{where}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        reason = "nested too deeply" if isinstance(error, (RecursionError, MemoryError)) else str(error)
        raise SourceError(f"{name}: {reason}") from error


# Notebooks


def _notebook(content: bytes, name: str) -> Source:
    try:
        raw = content.decode("utf-8-sig")
        book = json.loads(raw)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise SourceError(f"{name}: no notebook: {' '.join(str(error).split())[:120]}") from error
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list):
        raise SourceError(f"{name}: no notebook: it has no list of cells")
    parts: list[str] = []
    lines: dict[int, Line] = {}
    broken: list[str] = []
    places, number = _Places(raw), 0
    for cell in cells:
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        number += 1
        text = _dedented(_cell_text(cell.get("source")))
        rows: list[tuple[int, int]] = []
        rows.extend(places.of(each) for each in text.split("\n"))
        plain = without_magics(text)
        try:
            _tree(plain, f"{name}: cell {number}")
        except SourceError as error:
            broken.append(str(error))
            plain = "\n" * text.count("\n")
        for offset, place in enumerate(rows):
            lines[len(parts) + offset + 1] = Line(*place, number, offset + 1)
        parts.extend(plain.split("\n"))
    whole = "\n".join(parts)
    return Source(name, whole, _tree(whole, name), lines, tuple(broken))


def _cell_text(source: object) -> str:
    if isinstance(source, str):
        return source
    if isinstance(source, list):
        return "".join(each for each in source if isinstance(each, str))
    return ""


def _dedented(text: str) -> str:
    """A cell's text without the indentation of its first line, which IPython takes off."""
    indent = re.match(r"(?:[ \t]*\n)*([ \t]*)", text)[1]  # type: ignore[index]  # it matches anything
    return "\n".join(line.removeprefix(indent) for line in text.split("\n"))


class _Places:
    """Where the lines of cells stand in a notebook's file, one after the other."""

    def __init__(self, raw: str) -> None:
        self._raw, self._at, self._row, self._left = raw, 0, 1, _MOST_SOUGHT

    def of(self, line: str) -> tuple[int, int]:
        """Row and column of the next line; the row before when it is not found."""
        if not line.strip():
            return self._row, 0
        for text in (json.dumps(line, ensure_ascii=False)[1:-1], json.dumps(line)[1:-1]):
            found = self._raw.find(text, self._at) if self._left > 0 else -1
            if found >= 0:
                self._row += self._raw.count("\n", self._at, found)
                self._at = found
                return self._row, found - self._raw.rfind("\n", 0, found) - 1
            self._left -= len(self._raw) - self._at
        return self._row, 0


def without_magics(text: str) -> str:
    """A cell's text with IPython's magics and shell commands replaced by nothing, line for line."""
    if _is_python(text):
        return text
    plain = "\n".join(_plain_lines(text))
    magic = _CELL_MAGIC.match(text)
    if magic is None or magic[1] in PYTHON_MAGICS or (magic[1] not in _OTHER_LANGUAGES and _is_python(plain)):
        return plain
    return "\n" * text.count("\n")  # another language, or Python in a form that only the magic knows


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _plain_lines(text: str) -> Iterator[str]:
    lines = text.split("\n")
    continued = False
    for line in lines:
        if continued:
            continued = line.rstrip().endswith("\\")
            yield ""
        elif (target := _captured(line)) is not None:
            yield f"{target}None"
        elif (code := line.strip()).startswith(("%", "!", "?")) or (code.endswith("?") and code[0] != "#"):
            continued = code.endswith("\\")
            indent = line[: len(line) - len(line.lstrip())]
            yield f"{indent}pass" if indent else ""
        else:
            yield line


def _captured(line: str) -> str | None:
    """`files = ` of `files = !ls`; None for any other line."""
    target, _, rest = line.partition("=")
    code = rest.lstrip()
    if not code.startswith(("%", "!")) or _TARGETS.fullmatch(target) is None:
        return None
    return line[: len(line) - len(code)]
