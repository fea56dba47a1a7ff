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
from gradlint.report.outgoing import Syntax, outgoing
from gradlint.report.text import (
    FINE,
    MESSAGE_WIDTH,
    MOST_COMPARED,
    Style,
    common_folder,
    count,
    crash,
    most_of_each_code,
    name,
    norm_text,
    place,
    sentence,
    shape_text,
    shortened,
    source_line,
    unshown,
)
from gradlint.report.verdict import consequence, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.finding import Finding
    from gradlint.result import Result

LIMIT = 60_000
"""Characters of a report; a comment on GitHub holds 65,536."""
LEAST = 1_000
"""Room for one of several targets."""
INPUT_ROWS = 20
MOST_NAMES = 10
MOST_NOTES = 20
FACT_WIDTH = 300
_SIGN = {Severity.ERROR: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
_PUNCTUATION = re.compile(r"([\\`*_\[\]#|~$])")
_BEGINNING = re.compile(r"^(\d*)([-+=.)])")
_LINKING = re.compile(r"(?<=[@#:])(?=\w)|(?<=:)(?=/)|(?<=www)(?=\.)", re.IGNORECASE)


def _sign(result: Result) -> str:
    """No tick where an error is reported, whatever fails the job."""
    if not result.ok:
        return "❌"
    return "⚠️" if any(finding.severity is Severity.ERROR for finding in result.findings) else "✅"


def render(result: Result, style: Style | None = None) -> str:
    """Worst findings first; what does not fit in a comment is counted at the end."""
    return _fitted(result, style or Style(), LIMIT)


def joined(results: Sequence[Result], style: Style) -> str:
    """The reports on several targets, which share the room of one comment: those that fail come first."""
    room = LIMIT
    parts: list[str] = []
    ordered = sorted(results, key=lambda result: result.ok)
    for index, result in enumerate(ordered):
        part = _fitted(result, style, max(room // (len(results) - index), LEAST))
        room -= len(part) + 2
        if room < 0:
            parts.append(f"*{count(len(results) - index, 'more target')} did not fit in here.*")
            break
        parts.append(part)
    return "\n\n".join(parts)


def _fitted(result: Result, style: Style, limit: int) -> str:
    head = [f"### {_sign(result)} gradlint: {text(verdict(result, style))}", _facts(result)]
    head += [f"**{text(crash(rule))}**" for rule in result.crashed]
    end = text(consequence(result, style))
    room = limit - sum(len(block) + 2 for block in (*head, end))
    tail = []
    for block in (_inputs(result), _notes(result)):
        if block and len(block) < room // 3:
            tail.append(block)
            room -= len(block) + 2
    blocks: list[str] = []
    shown, more = most_of_each_code(worst_first(result.findings))
    for index, finding in enumerate(shown):
        block = _finding(finding, result, style)
        room -= len(block) + 2
        if room < 0:
            blocks.append(f"*{count(len(result.findings) - index, 'more finding')} did not fit in here.*")
            break
        blocks.append(block)
    else:
        blocks += [f"*{text(unshown(more))}*"] if more else []
    return outgoing("\n\n".join([*head, *blocks, *tail, end]), Syntax.MARKUP)


def text(content: str, width: int = MESSAGE_WIDTH) -> str:
    """Content from anywhere as one line of plain text."""
    return marked(shortened(sentence(content), width))


def marked(content: str) -> str:
    """One line of plain text, in which nothing is Markdown."""
    safe = _BEGINNING.sub(r"\1\\\2", _PUNCTUATION.sub(r"\\\1", escape(content, quote=False)))
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
    return "\n".join(f"- {label}: {text(fact, FACT_WIDTH)}" for label, fact in facts if fact)


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
        lines.append(f"- {count(len(finding.inputs), 'input')}: {_names(finding.inputs, len(finding.inputs))}")
    if finding.variables:
        folder = common_folder(finding.variables) if len(finding.variables) <= MOST_COMPARED else ""
        where = f" under {code(folder)}" if folder else ""
        names = _names([path[len(folder) :] for path in finding.variables[: MOST_NAMES + 1]], len(finding.variables))
        lines.append(f"- {count(len(finding.variables), 'variable')}{where}: {names}")
    if advice := result.advice(finding):
        lines.append(f"- what to do: {text(advice)}")
    return "\n".join(lines).rstrip()


def finding_name(finding: Finding) -> str:
    """Names of rules are words and hyphens, which need no escape; others are made safe."""
    plain = sentence(finding.name)
    return plain if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", plain) else text(plain)


def _names(names: Sequence[str], total: int) -> str:
    shown = ", ".join(code(each) for each in names[:MOST_NAMES])
    return shown + (f" and {total - MOST_NAMES:,} more" if total > MOST_NAMES else "")


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
    lines = [f"- {text(note, FACT_WIDTH)}" for note in result.notes]
    lines += [f"- {text(each.code)} did not run: {text(each.reason, FACT_WIDTH)}" for each in result.skipped]
    if len(lines) > MOST_NOTES:
        lines[MOST_NOTES:] = [f"- and {len(lines) - MOST_NOTES:,} more"]
    return "\n".join(["<details><summary>Notes</summary>", "", *lines, "", "</details>"]) if lines else ""
