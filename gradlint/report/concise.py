"""One line a finding, for editors and grep: `path:line: GL103 nondifferentiable-op: message [layer, Op]`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.outgoing import outgoing
from gradlint.report.text import (
    MESSAGE_WIDTH,
    Style,
    crash,
    most_of_each_code,
    name,
    place,
    sentence,
    shortened,
    unshown,
)

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.result import Result

_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def render(result: Result, style: Style | None = None) -> str:
    """The findings and the rules that crashed, one a line; empty when there is none."""
    style = style or Style()
    shown, more = most_of_each_code(result.findings)
    lines = [_line(finding, result, style) for finding in shown]
    crashed = [f"{shortened(sentence(result.target), MESSAGE_WIDTH)}: {crash(rule)}" for rule in result.crashed]
    return outgoing("\n".join([*lines, *filter(None, [unshown(more)]), *crashed]))


def _line(finding: Finding, result: Result, style: Style) -> str:
    cause = finding.cause
    # A file without a line would not be a place that an editor can jump to.
    where = place(cause, style) if cause.line is not None else None
    column = finding.column
    if cause.cell is not None:  # as Ruff writes it
        where = f"{place(replace(cause, line=None, cell=None), style)}:cell {cause.cell}:{cause.cell_line}"
        column = number if isinstance(number := finding.evidence.get("cell_column"), int) else None
    if where and column is not None:
        where = f"{where}:{column}"
    code = style.paint(finding.code, "bold", _COLOUR[finding.severity])
    culprit = ", ".join(name(part) for part in (cause.layer, cause.op) if part)
    message = shortened(sentence(finding.message), MESSAGE_WIDTH)
    line = f"{where or shortened(sentence(result.target), MESSAGE_WIDTH)}: {code} {finding.name}: {message}"
    return line + (f" [{culprit}]" if culprit else "")
