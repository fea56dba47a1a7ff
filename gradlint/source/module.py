"""One file of Python source, as the rules see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast


@dataclass(frozen=True, slots=True)
class Module:
    """One parsed file.

    Attributes:
        path: as the user named it.
        tree: the syntax tree; lines count from 1, columns from 0.
    """

    path: str
    tree: ast.Module
