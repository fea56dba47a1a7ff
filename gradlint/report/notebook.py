"""A result as a notebook shows it: verdict, findings with their lines, and the picture, small and quick."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.report.github import worst_first
from gradlint.report.outgoing import Syntax, outgoing
from gradlint.report.svg import render as svg
from gradlint.report.template import template
from gradlint.report.text import MESSAGE_WIDTH, Style, count, crash, culprit, sentence, shortened, source_line
from gradlint.report.verdict import consequence, verdict, worst_finding

if TYPE_CHECKING:
    from gradlint.finding import Finding
    from gradlint.result import Result

MOST_FINDINGS = 10
MOST_NODES = 20_000
"""A graph with more nodes is not drawn in a notebook."""
_COLOUR = {Severity.ERROR: "#d1343f", Severity.WARNING: "#c27803", Severity.INFO: "#3b82c4"}
"""Of borders only: they are seen on light and on dark, where the text keeps the notebook's own colour."""


def render(result: Result, style: Style | None = None) -> str:
    """A fragment of HTML without style sheet and script, which notebooks remove."""
    style = style or Style(in_python=True)
    worst = worst_finding(result)
    facts = [("model", result.model), ("sample", result.sample), ("loss", result.loss)]
    shown = worst_first(result.findings)[:MOST_FINDINGS]
    more = len(result.findings) - len(shown)
    text = template("cell.html.jinja").render(
        colour=_COLOUR[worst.severity] if worst is not None else "#2e9e5b",
        verdict=_text(verdict(result, style)),
        target=_text(result.target),
        consequence=consequence(result, style),
        facts=[
            *(_text(f"{label}: {fact}") for label, fact in facts if fact),
            *map(crash, result.crashed),
            *map(_text, result.notes[:MOST_FINDINGS]),
        ],
        findings=[_finding(finding, result, style) for finding in shown],
        more=f"and {count(more, 'more finding')}: print(result) shows them" if more else "",
        picture=_picture(result),
        alt=f"gradient flow: {_text(verdict(result, style))}",
        is_open=bool(result.findings),
    )
    return outgoing(text, Syntax.MARKUP)


def _finding(finding: Finding, result: Result, style: Style) -> dict[str, str]:
    cause = finding.cause
    return {
        "colour": _COLOUR[finding.severity],
        "severity": finding.severity.value,
        "title": f"{sentence(finding.code)} {sentence(finding.name)}",
        "message": _text(finding.message),
        "where": culprit(cause, style),
        "source": shortened(source_line(cause) or "", MESSAGE_WIDTH),
        "advice": _text(result.advice(finding)),
    }


def _picture(result: Result) -> str:
    """The picture as the address of an image: what a notebook removes from SVG in HTML it leaves alone in there."""
    if result.graph is None or not 0 < len(result.graph) <= MOST_NODES:
        return ""
    drawn = svg(result.graph, result.findings, with_folds=False)
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"


def _text(text: str) -> str:
    return shortened(sentence(text), MESSAGE_WIDTH)
