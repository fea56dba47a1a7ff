"""A part of a run, on its way from one machine to another: what came of some of the targets, as JSON.

Everything that a report or an exit status is made of is in it, the graphs included, so that the parts together say what
one run says. Read as data from a stranger: every field is checked against its type (`project.wire`).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from gradlint import version
from gradlint.checking.suppression import Allowance
from gradlint.errors import UsageError
from gradlint.outcome import Failed
from gradlint.project.targets import (
    Outcome,
    Settled,
    Standing,
    outcome_from_data,
    outcome_to_data,
    standing_from_data,
    standing_to_data,
    with_misfits,
)
from gradlint.project.wire import MalformedError, plain, typed
from gradlint.report.text import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = 1
_MOST_NAMED = 3
_NOT_FINITE = "not finite"
"""JSON has no NaN and no infinity; here, they must come back as what they were."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Which part of the targets: every `of`-th from the one of this number, which counts from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def has_source(self) -> bool:
        """Source files are read by the first part alone."""
        return self.number == 1

    @property
    def places(self) -> slice:
        """Where its targets are among all."""
        return slice(self.number - 1, None, self.of)


WHOLE = Shard(1, 1)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run.

    Attributes:
        names: of all targets that the run has, in all its parts.
        outcomes: of the targets, in their order.
        source: of all source files together; None when there were none.
        files: how the findings of each source file stand to the baseline.
        complaints: comments in source that ignore nothing, one line each.
        allowed: what the configuration allows in every target.
        whole: whether the targets are all that the configuration has.
        baseline: the file of the known findings, as the user would type it.
        shard: which of the targets these are.
    """

    names: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    source: Settled | None = None
    files: Mapping[str, Standing] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()
    allowed: tuple[Allowance, ...] = ()
    whole: bool = False
    baseline: str = ""
    shard: Shard = WHOLE

    @property
    def found(self) -> list[Outcome]:
        """Everything that a report shows, in its order."""
        unused = self.unused
        judged = (
            done if isinstance(done, Failed) else with_misfits(done, (each for each in done.unused if each in unused))
            for done in self.outcomes
        )
        return [*([self.source] if self.source is not None else []), *judged]

    @property
    def unused(self) -> list[Allowance]:
        """What is allowed and fits no finding: of a target, or of the configuration if all its targets were checked."""
        unused = [done.unused if isinstance(done, Settled) else () for done in self.outcomes]
        own = [a for of_target in unused for a in of_target if a not in self.allowed]
        is_all = self.whole and self.shard.of == 1
        shared = [a for a in self.allowed if is_all and all(a in of_target for of_target in unused)]
        guesses = {a: a for of_target in unused for a in of_target if a.meant}
        shared = [guesses.get(a, a) for a in shared]
        of_source = self.source.unused if self.source is not None else ()
        return [*of_source, *own, *shared]


def part_text(run: Run) -> str:
    """A part of a run as JSON, in pure ASCII."""
    data = {
        "gradlint": version.__version__,
        "part": FORMAT,
        "shard": plain(run.shard),
        "names": run.names,
        "outcomes": [outcome_to_data(done) for done in run.outcomes],
        "source": None if run.source is None else outcome_to_data(run.source),
        "files": {name: standing_to_data(each) for name, each in run.files.items()},
        "complaints": run.complaints,
        "allowed": plain(run.allowed),
        "whole": run.whole,
        "baseline": run.baseline,
    }
    return json.dumps(_finite(data), allow_nan=False)


def part_from(text: str) -> Run:
    """What `part_text` wrote.

    Raises:
        MalformedError: it describes no part of a run.
        UsageError: another gradlint wrote it.
    """
    try:
        data = json.loads(text, object_hook=_not_finite)
    except (ValueError, RecursionError) as error:
        raise MalformedError("it is not JSON") from error
    if not isinstance(data, dict) or data.get("part") != FORMAT:
        raise MalformedError("gradlint --shard K/N --format json writes parts")
    if data.get("gradlint") != version.__version__:
        raise UsageError(f"gradlint {data.get('gradlint')} wrote it, and this is {version.__version__}")
    try:
        shard = typed(Shard, data["shard"])
        if not 1 <= shard.number <= shard.of:
            raise MalformedError(f"there is no part {shard}")
        return Run(
            shard=shard,
            names=typed(tuple[str, ...], data["names"]),
            outcomes=tuple(outcome_from_data(each) for each in typed(list, data["outcomes"])),
            source=None if data["source"] is None else _settled_from(data["source"]),
            files={name: standing_from_data(each) for name, each in typed(dict, data["files"]).items()},
            complaints=typed(tuple[str, ...], data["complaints"]),
            allowed=typed(tuple[Allowance, ...], data["allowed"]),
            whole=typed(bool, data["whole"]),
            baseline=typed(str, data["baseline"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedError(f"{error} is missing") from error


def _settled_from(data: object) -> Settled:
    done = outcome_from_data(data)
    if isinstance(done, Settled):
        return done
    raise MalformedError("source files have a result")


def joined(parts: Sequence[Run]) -> Run:
    """The run that these are the parts of, whatever their order.

    Raises:
        UsageError: a part is missing or there twice, or they are of different runs.
    """
    first, *others = sorted(parts, key=lambda part: part.shard.number)
    alike = {(part.shard.of, part.names, part.allowed, part.whole, part.baseline) for part in parts}
    if len(alike) > 1:
        raise UsageError("these are parts of different runs: of other targets, or of another number of parts")
    numbers = Counter(part.shard.number for part in parts)
    if twice := [str(number) for number, times in numbers.items() if times > 1]:
        raise UsageError(f"part {listed(twice)} of {first.shard.of} is there more than once")
    if lacking := first.shard.of - len(numbers):
        absent = (str(number) for number in range(1, first.shard.of + 1) if number not in numbers)
        named = ", ".join(islice(absent, _MOST_NAMED))
        more = f" and {lacking - _MOST_NAMED:,} more" if lacking > _MOST_NAMED else ""
        raise UsageError(f"part {named}{more} of {first.shard.of} is missing")
    found: list[Outcome | None] = [None] * len(first.names)
    for part in (first, *others):
        places = range(len(first.names))[part.shard.places]
        names = [first.names[place] for place in places]
        if names != [done.name for done in part.outcomes]:
            raise UsageError(f"part {part.shard} does not hold the targets that it should")
        for place, done in zip(places, part.outcomes, strict=True):
            found[place] = done
    return replace(first, outcomes=tuple(done for done in found if done is not None), shard=WHOLE)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return {_NOT_FINITE: str(value)}
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _not_finite(found: dict[str, object]) -> object:
    return float(str(found[_NOT_FINITE])) if found.keys() == {_NOT_FINITE} else found
