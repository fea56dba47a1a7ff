"""Text in columns, as `tabulate` aligns it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LEAST_BESIDE_HEADER = 2


def in_columns(rows: Sequence[Sequence[str]], headers: Sequence[str], right: Sequence[bool]) -> list[str]:
    """The lines of a table: the headers, a rule, the rows.

    Args:
        rows: cells by row; they may be coloured.
        headers: of the columns.
        right: whether a column is flush right.
    """
    if not _COLOUR.sub("", "".join([*headers, *(cell for row in rows for cell in row)])).isascii():
        return _by_tabulate(rows, headers, right)
    stripped = [[cell.strip() for cell in row] for row in rows]
    widths = [_width(header) + _LEAST_BESIDE_HEADER for header in headers]
    widths = [max([width, *map(_width, cells)]) for width, *cells in zip(widths, *stripped, strict=True)]
    lines = [headers, ["-" * width for width in widths], *stripped]
    return ["  ".join(map(_padded, line, widths, right)).rstrip() for line in lines]


def _width(cell: str) -> int:
    return len(_COLOUR.sub("", cell))


def _padded(cell: str, width: int, is_right: bool) -> str:
    missing = " " * (width - _width(cell))
    return missing + cell if is_right else cell + missing


def _by_tabulate(rows: Sequence[Sequence[str]], headers: Sequence[str], right: Sequence[bool]) -> list[str]:
    """The same of any letters, which a terminal may show in two places or in none.

    To import what knows their widths takes as long as all else that is imported for a report.
    """
    from tabulate import tabulate

    return tabulate(
        rows,
        headers=headers,
        tablefmt="simple",
        colalign=["right" if is_right else "left" for is_right in right],
        disable_numparse=True,
    ).splitlines()
