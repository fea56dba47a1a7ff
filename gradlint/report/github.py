"""Annotations of a GitHub workflow, in the log of a step.

The syntax: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
GitHub shows ten annotations of each level per step: the worst findings come first, and those beyond ten of a level
are plain lines of the log.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.outgoing import outgoing, printable
from gradlint.report.text import (
    MESSAGE_WIDTH,
    Style,
    crash,
    culprit,
    folded,
    most_of_each_code,
    named,
    repository_place,
    sentence,
    shortened,
    unshown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gradlint.finding import Finding
    from gradlint.result import Result

SHOWN = 10
"""Annotations of one level that a step shows."""
_LEVEL = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(result: Result, style: Style | None = None) -> str:
    """One workflow command a finding or crashed rule; empty when there is none."""
    return joined([result], style or Style())


def joined(results: Sequence[Result], style: Style) -> str:
    """The findings of all results; what GitHub shows of them are the worst of all."""
    pairs = [(finding, result) for result in results for finding in most_of_each_code(result.findings)[0]]
    used: Counter[Severity] = Counter()
    crashed = [rule for result in results for rule in result.crashed]
    lines = [f"::error title={_property(rule.code)} crashed::{_data(outgoing(crash(rule)))}" for rule in crashed]
    for finding, result in sorted(pairs, key=lambda pair: _rank(pair[0])):
        used[finding.severity] += 1
        write = _command if used[finding.severity] <= SHOWN else _plain
        lines.append(write(finding, result, style))
    more = [unshown(most_of_each_code(result.findings)[1]) for result in results]
    return "\n".join([*lines, *(outgoing(line) for line in more if line)])


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """By severity, then by how many variables and inputs go without; else in the order of the flow."""
    return sorted(findings, key=_rank)


def _rank(finding: Finding) -> tuple[int, int, int]:
    return -finding.severity.order, -len(finding.variables), -len(finding.inputs)


def _command(finding: Finding, result: Result, style: Style) -> str:
    path, line = repository_place(finding, result.target, style)
    properties = {"file": path, "line": str(line or 1), "title": f"{finding.code} {sentence(finding.name)}"}
    if finding.column is not None:
        properties["col"] = str(finding.column)
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    # What follows is one line, which begins with the one command that is meant.
    return f"::{_LEVEL[finding.severity]} {shown}::{_data(outgoing(_message(finding, style)))}"


def _plain(finding: Finding, result: Result, style: Style) -> str:
    del result
    text = f"{_LEVEL[finding.severity]}: {finding.code} {sentence(finding.name)}: {_message(finding, style)}"
    return outgoing(text.replace("\n", " ").rstrip())


def _message(finding: Finding, style: Style) -> str:
    lines = [shortened(sentence(finding.message), MESSAGE_WIDTH)]
    if cause := culprit(finding.cause, style):
        lines.append(f"cause: {cause}")
    victims = [f"input {named(finding.inputs)}"] if finding.inputs else []
    if finding.variables:
        victims.append(folded("variable", finding.variables))
    if victims:
        lines.append(f"victims: {'; '.join(victims)}")
    return "\n".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(outgoing(printable(text))).replace(":", "%3A").replace(",", "%2C")
