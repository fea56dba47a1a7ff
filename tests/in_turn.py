"""Several targets in this process, one after the other: a stand-in for `gradlint.project.targets.outcomes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.errors import UsageError
from gradlint.outcome import Failed
from gradlint.project import targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def in_turn(jobs: Sequence[targets.Job], processes: int, **_: object) -> Iterator[targets.Outcome]:
    """What each job comes to; what a target is refused with is its outcome."""
    for job in jobs:
        try:
            yield targets.outcome(job)
        except UsageError as error:
            yield Failed(job.name, str(error))
