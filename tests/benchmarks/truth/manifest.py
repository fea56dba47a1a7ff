"""The manifest: which case, in which form, was first run on which day, and what was said of it then.

It is added to and never rewritten, so that nobody can tune a case, or the tool to a case, without a trace.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tests.benchmarks.truth.numbers import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.benchmarks.truth.scoring import Row


@dataclass(frozen=True, slots=True)
class Entry:
    """The first run of a case in one form.

    Attributes:
        hash: of the files of the case.
        first_run: the day, as `2026-11-27`.
        verdict: what was said, as `numbers.verdict`.
    """

    case: str
    hash: str
    first_run: str
    verdict: str


def entries(file: Path) -> list[Entry]:
    """What the manifest says; nothing where there is none."""
    if not file.exists():
        return []
    return [Entry(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]


def append(file: Path, rows: Iterable[Row], day: str) -> list[Entry]:
    """Add the cases that have not been run in this form; gives those that were added."""
    known = {(entry.case, entry.hash) for entry in entries(file)}
    new = [
        Entry(row["case"], row["hash"], day, verdict(row))
        for row in rows
        if (row["case"], row["hash"]) not in known and "skipped" not in row
    ]
    with file.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(asdict(entry)) + "\n" for entry in new)
    return new


def first_runs(file: Path, rows: Iterable[Row]) -> dict[str, Entry]:
    """The first run of each case in the form that it has now."""
    known = {(entry.case, entry.hash): entry for entry in reversed(entries(file))}
    return {row["case"]: known[row["case"], row["hash"]] for row in rows if (row["case"], row["hash"]) in known}
