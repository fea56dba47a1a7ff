"""Which arguments are names of files and nothing else, whatever they look like.

A hook passes the names of changed files, and who names a file writes an argument: `--output=precious.py` is one, and so
is `--`. They are taken away before the parser sees them; it loses the `--` of intermixed arguments besides.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANGED = "--changed"
END_OF_OPTIONS = "--"


def without_names(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """(arguments that may be options, names to take literally): what follows the first `--changed`, or `--`."""
    for place, argument in enumerate(arguments):
        if argument == CHANGED:
            return list(arguments[: place + 1]), list(arguments[place + 1 :])
        if argument == END_OF_OPTIONS:
            return list(arguments[:place]), list(arguments[place + 1 :])
    return list(arguments), []


def misplaced(names: Sequence[str]) -> list[str]:
    """The names that were most likely meant as options: they begin so, and there is no such file."""
    return [name for name in names if name.startswith("-") and not os.path.lexists(name)]
