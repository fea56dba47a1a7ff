"""What a rule says: one defect, its cause and its victims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

Evidence = Mapping[str, "str | int | float | bool | list[str] | list[int] | list[float] | None"]


class Severity(str, Enum):
    """How much a finding matters; `order` grows with it."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def order(self) -> int:
        return list(Severity).index(self)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Cause:
    """Where a gradient stops. Each part may be unknown.

    Attributes:
        layer: Keras layer path, such as `encoder/block_1/attention`.
        op: TensorFlow operation type, such as `ArgMax`.
        file: source file of the user's line, as Python reports it.
        line: line number in `file`, counted from 1.
        cell: number of the code cell, where `file` is a notebook, and `cell_line` the line in it, both from 1.
        text: that line of the notebook, which no line of its file shows.
    """

    layer: str | None = None
    op: str | None = None
    file: str | None = None
    line: int | None = None
    cell: int | None = field(default=None, repr=False)
    cell_line: int | None = field(default=None, repr=False)
    text: str = field(default="", repr=False)

    @property
    def is_in_file(self) -> bool:
        """Whether `file` is one: what was typed at a prompt or in a cell has a name in angle brackets."""
        return self.file is not None and not self.file.startswith("<")


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect, reported once, at its cause.

    Attributes:
        code: `GL103`.
        name: `nondifferentiable-op`; says what is wrong.
        severity: may be lower than the rule's own when the victims matter less.
        message: one sentence with the numbers.
        inputs: keys of the sample that are victims or culprits.
        variables: paths of the variables that are victims.
        cause: where to look.
        evidence: the numbers behind the message, JSON values only.
        advice: what to do about this very explanation; that of its rule where empty.
        position: index of the operation in the order of the forward pass; sorts findings.
    """

    code: str
    name: str
    severity: Severity
    message: str
    inputs: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    cause: Cause = Cause()
    evidence: Evidence = field(default_factory=dict)
    position: int = -1
    advice: str = ""

    @property
    def column(self) -> int | None:
        """Of a finding in source, the column in `cause.file`, counted from 1."""
        column = self.evidence.get("column")
        return column if isinstance(column, int) else None
