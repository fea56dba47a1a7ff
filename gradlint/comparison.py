"""The outcome of a comparison of two training steps: where they part, and why."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - read from the fields where a comparison comes from a child
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from gradlint.finding import Cause, Evidence

if TYPE_CHECKING:
    from collections.abc import Callable

_NOWHERE = Cause()


class Stage(str, Enum):
    """What parts, in the order of a training step."""

    WEIGHTS = "weights"
    LOSS = "loss"
    GRADIENT = "gradient"
    APPLIED = "applied gradient"
    UPDATE = "update"

    @property
    def order(self) -> int:
        return list(Stage).index(self)

    def __str__(self) -> str:
        return self.value


COMPARED = frozenset({"values", "gradients", "variables"})
"""What a comparison counts."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One reason for which two steps part.

    Attributes:
        kind: `training-flag`, `added-losses`, `weights`, ...; `unknown` where no reason is known.
        stage: what parts first because of it.
        message: one sentence with the numbers.
        confirmed: an experiment has shown that the steps agree further without it; None where none could be made.
        experiment: what was run for that, in words.
        advice: what to change to make the steps the same.
        first: the first operation, layer and line of step A that parts; its parts are None where A has none.
        second: the same of step B.
        variables: paths that are concerned, as A names them.
        evidence: the numbers behind the message.
    """

    kind: str
    stage: Stage
    message: str
    confirmed: bool | None = None
    experiment: str = ""
    advice: str = ""
    first: Cause = _NOWHERE
    second: Cause = _NOWHERE
    variables: tuple[str, ...] = ()
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two training steps on the same batch.

    Attributes:
        first: what step A is called.
        second: what step B is called.
        differences: in the order in which they were found; each was put right before the next was looked for.
        is_complete: nothing else differs, once these are put right.
        compared: how much of the two steps is the same, in numbers.
        notes: facts that a reader needs.
    """

    first: str
    second: str
    differences: tuple[Difference, ...] = ()
    is_complete: bool = True
    compared: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """True when losses, gradients, updates and weights of the two steps agree."""
        return not self.differences

    @property
    def exit_status(self) -> int:
        """Of the command line: 0 the same, 1 different."""
        return 0 if self.same else 1

    def __str__(self) -> str:
        """The report for people."""
        return _FORMS["text"](self)

    def __repr__(self) -> str:
        """One line."""
        kinds = ", ".join(difference.kind for difference in self.differences) or "the same"
        return f"<gradlint.Comparison of {self.first} and {self.second}: {kinds}>"

    def to_json(self) -> str:
        """The comparison as JSON, schema 1."""
        return _FORMS["json"](self)


_FORMS: dict[str, Callable[[Comparison], str]] = dict.fromkeys(("text", "json"), repr)


def install_forms(*, text: Callable[[Comparison], str], json: Callable[[Comparison], str]) -> None:
    """Give comparisons their conveniences: the reports, which know them, are downstream."""
    _FORMS.update(text=text, json=json)
