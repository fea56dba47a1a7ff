"""One line a finding, for editors and grep: `path:line: GL103 nondifferentiable-op: message [layer, Op]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.text import Style, crash, place, printable, sentence

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.result import Result

_COLOUR = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def render(result: Result, style: Style | None = None) -> str:
    """The findings and the rules that crashed, one a line; empty when there is none."""
    style = style or Style()
    lines = [_line(finding, result, style) for finding in result.findings]
    return "\n".join([*lines, *(f"{sentence(result.target)}: {crash(rule)}" for rule in result.crashed)])


def _line(finding: Finding, result: Result, style: Style) -> str:
    cause = finding.cause
    # A file without a line would not be a place that an editor can jump to.
    where = place(cause, style) if cause.line is not None else None
    code = style.paint(finding.code, "bold", _COLOUR[finding.severity])
    culprit = ", ".join(printable(part) for part in (cause.layer, cause.op) if part)
    return f"{where or sentence(result.target)}: {code} {finding.name}: {sentence(finding.message)}" + (
        f" [{culprit}]" if culprit else ""
    )
