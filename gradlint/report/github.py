"""Annotations of a GitHub workflow, in the log of a step.

The syntax: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
GitHub shows ten annotations of each level per step: the worst findings come first, and those beyond ten of a level
are plain lines of the log.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.text import Style, crash, folded, listed, name, place, printable, repository_place, sentence

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.result import Result

SHOWN = 10
"""Annotations of one level that a step shows."""
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(result: Result, style: Style | None = None) -> str:
    """One workflow command a finding or crashed rule; empty when there is none."""
    style = style or Style()
    used: Counter[Severity] = Counter()
    lines = [f"::error title={_property(rule.code)} crashed::{_data(crash(rule))}" for rule in result.crashed]
    for finding in worst_first(result.findings):
        used[finding.severity] += 1
        write = _command if used[finding.severity] <= SHOWN else _plain
        lines.append(write(finding, result, style))
    return "\n".join(lines)


def worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    """By severity, then by how many variables and inputs go without; else in the order of the flow."""
    return sorted(findings, key=lambda f: (-f.severity.order, -len(f.variables), -len(f.inputs)))


def _command(finding: Finding, result: Result, style: Style) -> str:
    path, line = repository_place(finding, result.target, style)
    properties = {"file": path, "line": str(line or 1), "title": f"{finding.code} {sentence(finding.name)}"}
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{_LEVEL[finding.severity]} {shown}::{_data(_message(finding, style))}"


def _plain(finding: Finding, result: Result, style: Style) -> str:
    text = f"{_LEVEL[finding.severity]}: {finding.code} {sentence(finding.name)}: {_message(finding, style)}"
    # The runner also takes `##[error]` anywhere in a line for a command.
    return text.replace("\n", " ").replace("##[", "## [").rstrip()


def _message(finding: Finding, style: Style) -> str:
    lines = [sentence(finding.message)]
    cause = [name(part) for part in (finding.cause.layer, finding.cause.op) if part]
    if where := place(finding.cause, style):
        cause.append(where)
    if cause:
        lines.append(f"cause: {' · '.join(cause)}")
    victims = [f"input {listed([name(key) for key in finding.inputs])}"] if finding.inputs else []
    if finding.variables:
        victims.append(folded("variable", finding.variables))
    if victims:
        lines.append(f"victims: {'; '.join(victims)}")
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
