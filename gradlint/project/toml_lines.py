"""In which lines the keys of a TOML file are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PART = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_TOKEN = re.compile(
    r""""{3}(?:\\.|[^\\])*?"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[\[\]{}\n]""",
    re.DOTALL,
)
"""Texts, comments, brackets and line ends."""


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line of every table header and key of a TOML file that is known to be well-formed.

    `tomllib` keeps no lines. Keys of inline tables are on the line of the table.
    """
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            path = table = tuple(_parts(header[1]))
        elif key := _KEY.match(line):
            path = (*table, *_parts(key[1]))
        else:
            continue
        found.setdefault(path, number)
    return found


def _parts(dotted: str) -> Iterator[str]:
    for part in re.findall(_PART, dotted):
        yield part[1:-1] if part[0] in "\"'" else part


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yields the numbered lines that begin neither inside a text nor inside a list."""
    number, depth = 1, 0
    yield number, text.split("\n", 1)[0]
    for token in _TOKEN.finditer(text):
        number += token[0].count("\n")
        depth += (token[0] in ("[", "{")) - (token[0] in ("]", "}"))
        if token[0] == "\n" and not depth:
            end = text.find("\n", token.end())
            yield number, text[token.end() : end if end >= 0 else None]
