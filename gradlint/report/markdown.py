"""The report in GitHub's Markdown, for a comment on a pull request or a job summary.

Names come from files: whatever could be Markdown, HTML, a mention of a person or a link is made to be text.
"""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.github import worst_first
from gradlint.report.text import (
    FINE,
    Style,
    common_folder,
    count,
    crash,
    name,
    norm_text,
    place,
    sentence,
    shape_text,
    source_line,
    verdict,
)

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.result import Result

LIMIT = 60_000
"""Characters of a report; a comment on GitHub holds 65,536."""
INPUT_ROWS = 20
MOST_NAMES = 10
_SIGN = {Severity.ERROR: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_PUNCTUATION = re.compile(r"([\\`*_\[\]#|~$])")
_BEGINNING = re.compile(r"^(\d*)([-+=.)])")
_LINKING = re.compile(r"(?<=[@#:])(?=\w)|(?<=:)(?=/)|(?<=www)(?=\.)", re.IGNORECASE)


def render(result: Result, style: Style | None = None) -> str:
    """Worst findings first; what does not fit in a comment is counted at the end."""
    style = style or Style()
    head = [f"### {'✅' if result.ok else '❌'} gradlint: {text(verdict(result))}", _facts(result)]
    head += [f"**{text(crash(rule))}**" for rule in result.crashed]
    tail = [block for block in (_inputs(result), _notes(result)) if block]
    room = LIMIT - sum(len(block) + 2 for block in head + tail)
    blocks: list[str] = []
    findings = worst_first(result.findings)
    for index, finding in enumerate(findings):
        block = _finding(finding, result, style)
        room -= len(block) + 2
        if room < 0:
            blocks.append(f"*{count(len(findings) - index, 'more finding')} did not fit in here.*")
            break
        blocks.append(block)
    return "\n\n".join([*head, *blocks, *tail])


def text(content: str) -> str:
    """Content from anywhere as one line of plain text."""
    safe = _BEGINNING.sub(r"\1\\\2", _PUNCTUATION.sub(r"\\\1", escape(sentence(content), quote=False)))
    # Mentions, issue numbers, emoji and bare links are found in text; an empty element parts them.
    return _LINKING.sub("<span></span>", safe)


def code(content: str, width: int = 80) -> str:
    """A name as a code span, also inside a table."""
    shown = name(content, width)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell(content: str, width: int = 60) -> str:
    """A name as a code span in a table, where a bar would end the cell."""
    return code(content, width).replace("|", "\\|")


def _facts(result: Result) -> str:
    facts = [("checked", result.target), ("model", result.model), ("sample", result.sample), ("loss", result.loss)]
    return "\n".join(f"- {label}: {text(fact)}" for label, fact in facts if fact)


def _finding(finding: Finding, result: Result, style: Style) -> str:
    lines = [
        f"#### {_SIGN[finding.severity]} {finding.severity} {text(finding.code)} {finding_name(finding)}",
        "",
        text(finding.message),
        "",
    ]
    cause = [code(part) for part in (finding.cause.layer, finding.cause.op) if part]
    if where := place(finding.cause, style):
        cause.append(code(where, 120))
    if cause:
        lines.append(f"- cause: {' · '.join(cause)}")
    if source := source_line(finding.cause):
        lines.append(f"- source: {code(source, 120)}")
    if finding.inputs:
        lines.append(f"- {count(len(finding.inputs), 'input')}: {_names(finding.inputs)}")
    if finding.variables:
        folder = common_folder(finding.variables)
        where = f" under {code(folder)}" if folder else ""
        names = _names([path[len(folder) :] for path in finding.variables])
        lines.append(f"- {count(len(finding.variables), 'variable')}{where}: {names}")
    if rule := result.rule(finding.code):
        lines.append(f"- what to do: {text(rule.advice)}")
    return "\n".join(lines).rstrip()


def finding_name(finding: Finding) -> str:
    """Names of rules are words and hyphens, which need no escape; others are made safe."""
    plain = sentence(finding.name)
    return plain if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", plain) else text(plain)


def _names(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(code(each) for each in names[:MOST_NAMES])
    return shown + (f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else "")


def _inputs(result: Result) -> str:
    if not result.inputs:
        return ""
    first = sorted(result.inputs, key=lambda status: status.gradient in FINE)[:INPUT_ROWS]
    rows = [
        f"| {cell(status.key)} | {'missing' if status.shape is None else shape_text(status.shape)} | "
        f"{cell(status.dtype or '-')} | {status.gradient.value} | {norm_text(status.norm)} |"
        for status in result.inputs
        if status in first
    ]
    states = Counter(variable.gradient for variable in result.variables if variable.trainable)
    lines = [
        "<details><summary>Inputs and variables</summary>",
        "",
        "| input | shape | dtype | gradient | norm |",
        "|---|---|---|---|---:|",
        *rows,
        "",
    ]
    if len(result.inputs) > len(rows):
        lines += [f"and {len(result.inputs) - len(rows):,} more inputs", ""]
    if states:
        parts = ", ".join(f"{number:,} {state.value}" for state, number in states.items())
        lines += [f"{count(states.total(), 'trainable variable')}: {parts}", ""]
    return "\n".join([*lines, "</details>"])


def _notes(result: Result) -> str:
    lines = [f"- {text(note)}" for note in result.notes]
    lines += [f"- {text(skipped.code)} did not run: {text(skipped.reason)}" for skipped in result.skipped]
    return "\n".join(["<details><summary>Notes</summary>", "", *lines, "", "</details>"]) if lines else ""
