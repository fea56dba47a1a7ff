"""Reports on several targets: the reports of those with findings, and one summary of all."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tabulate import tabulate

import gradlint
from gradlint.errors import UsageError
from gradlint.finding import Severity
from gradlint.report import FORMATS
from gradlint.report.text import Style, count, name, sentence, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.targets import Outcome

PLACE = "{target}"
"""Stands for the name of the target in `--output`."""
_BY_LINES = {"concise": "\n", "github": "\n", "markdown": "\n\n"}
"""Formats whose reports may follow each other, and what stands between them."""
_WORST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def is_joinable(form: str) -> bool:
    """Whether several reports of a format can be one."""
    return form in ("table", "json") or form in _BY_LINES


def render(outcomes: Sequence[Outcome], form: str, style: Style) -> str:
    """The reports on all targets as one text, without a newline at its end.

    Raises:
        UsageError: reports of this format cannot follow each other.
    """
    if form == "table":
        return _tables(outcomes, style)
    if form == "json":
        return _json(outcomes)
    if form not in _BY_LINES:
        raise UsageError(
            f"--format {form} describes one target; write a file for each with --output 'report-{PLACE}', or name one"
        )
    texts = (FORMATS[form](done.result, style) for done in outcomes if done.result is not None)
    return _BY_LINES[form].join(text for text in texts if text)


def summary(outcomes: Sequence[Outcome], style: Style) -> str:
    """A line for each target, and the totals."""
    rows = [[name(done.name), _state(done, style)] for done in outcomes]
    table = tabulate(rows, tablefmt="plain", disable_numparse=True)
    found = Counter(_kind(done) for done in outcomes)
    parts = [f"{found[kind]:,} {kind}" for kind in ("with findings", "without findings", "not checked") if found[kind]]
    total = style.paint(f"{count(len(outcomes), 'target')}: {', '.join(parts)}", "bold")
    return "\n".join([*(f"  {line}" for line in table.splitlines()), "", total])


def _tables(outcomes: Sequence[Outcome], style: Style) -> str:
    blocks = []
    for done in outcomes:
        if done.result is not None and done.result.findings:
            rule = style.paint(f"── {name(done.name)} ", "bold") + style.paint("─" * 20, "dim")
            blocks.append(f"{rule}\n\n{FORMATS['table'](done.result, style)}")
    return "\n\n".join([*blocks, summary(outcomes, style)])


def _kind(done: Outcome) -> str:
    if done.result is None:
        return "not checked"
    return "with findings" if any(f.severity is not Severity.INFO for f in done.result.findings) else "without findings"


def _state(done: Outcome, style: Style) -> str:
    if done.result is None:
        return style.paint("could not be checked", "red")
    worst = max((f.severity for f in done.result.findings), key=lambda s: s.order, default=Severity.INFO)
    colour = dict(zip(_WORST_FIRST, ("red", "yellow", "green"), strict=True))[worst]
    remarks = [sentence(note) for note in done.result.notes]
    return style.paint(verdict(done.result), colour) + "".join(f"; {remark}" for remark in remarks)


def _json(outcomes: Sequence[Outcome]) -> str:
    checked = [(done.name, done.result) for done in outcomes if done.result is not None]
    report = {
        "schema": 1,
        "gradlint": gradlint.__version__,
        "ok": len(checked) == len(outcomes) and all(result.ok for _, result in checked),
        "targets": {title: json.loads(result.to_json()) for title, result in checked},
        "failed": {done.name: done.error for done in outcomes if done.result is None},
    }
    return json.dumps(report, indent=2, allow_nan=False)
