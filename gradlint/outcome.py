"""What came of one target among several: its result, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from gradlint.result import Result


@dataclass(frozen=True, slots=True)
class Checked:
    """A target that was checked."""

    name: str
    result: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """A target that could not be checked, and why."""

    name: str
    error: str


Outcome: TypeAlias = "Checked | Failed"
